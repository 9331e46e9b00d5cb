// Package topology is what exists at the broker: the names and settings of
// streams, consumers and ledgers, and the three typed queues made of them.
//
//	            strings.request                 strings.response
//	requestor ────────────────▶ REQUESTS ──▶ generator ───────────▶ RESPONSES ──▶ requestor
//	records "asked"                          records "generated"                  records "stored"
//	                                         records "received" ◀── RECEIPTS ◀──────────┘
//	                                                              strings.received-ack
//
// The console's setup makes all this; services only use it. If you copy the
// project, change these names and settings, and little else.
package topology
