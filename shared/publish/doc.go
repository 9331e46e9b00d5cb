// Package publish sends messages to JetStream and returns when the broker has
// confirmed every one of them. Queues and ledgers both stand on it.
//
// All messages of a call go out without waiting in between. At first they are
// taken as one, with one place for all answers, as that costs the broker least.
// Where the stream allows atomic batches (AllowAtomicPublish), that is where the
// broker syncs every write to the disk, they are such a batch. When not all were
// stored they go again one by one, each with an answer of its own.
//
// What is not confirmed is sent again, with the same headers, until it is, or
// until the caller's context ends: an outage, a full stream, a missing stream or a
// missing permission are the broker's condition, not the message's fault.
// Sending again is safe only for messages that the broker does not store twice:
// those with an ID that it deduplicates by (Nats-Msg-Id), with the sequence that
// it must find (Nats-Expected-Last-Subject-Sequence), or to a stream that keeps
// one message a subject and takes no other (DiscardNewPerSubject).
//
// What the broker will never take (too large, malformed, or its condition not
// met) is refused, with an error that says which.
package publish
