// Package contract is what the requestor and the generator agree on, and all
// they agree on: three messages, how they are written, and what makes one
// invalid.
//
//	            Request                       Response
//	requestor ───────────▶ strings.request ──▶ generator ───────────▶ strings.response ──▶ requestor
//	                                                                                           │
//	                                           generator ◀── strings.received-ack ◀────────────┘
//	                                                                                 Receipt
//
// One request, its response and its receipt bear the same ID, made once by the
// requestor (NewID). It is the key of everything: each party handles an ID as
// often as it is delivered, with the effect of once.
//
// Requests, Responses and Receipts are the codecs of the three queues. What one
// of them has encoded or decoded without an error is valid in every field, so
// that no code behind a codec has to check a message again.
//
// # Compatibility
//
// A message without headers is version 1, in JSON. A message of another version
// has the header Decoupled-Schema, which names its kind and its major version:
// "decoupled.request.v2". A minor version is an added optional field within
// version 1, and needs no header: readers ignore fields that they do not know. Any
// other change needs a new major version, which a reader refuses until it has been
// taught it: deploy readers first.
//
// The file asyncapi.yaml says the same to programs in other languages; the tests
// hold it and this package to each other.
//
// The package is pure: no network, no broker, no logging. Everything in it is
// safe for concurrent use.
package contract
