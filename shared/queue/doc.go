// Package queue is what a service does with a durable queue: publish to it,
// consume from it, and set aside what cannot be done.
//
// A Queue[T] is a JetStream work-queue stream with one durable consumer that
// all replicas of the consuming service share (competing consumers).
//
//	publisher                      broker                        consumer
//	Publish ── message, ID ──▶ stream (file) ◀── pull n ──── loop, loop
//	   ◀──── confirmation ────────┘   └──── batch of ≤ n ────▶ Handler(batch)
//	                                                              │ nil: its effects are durable
//	                                  ◀──────── ack ──────────────┤
//	                                  ◀──────── nak, later ───────┤ error: alone, then again later
//	                         dead letters ◀── letter, then term ──┘ given up: with its reason
//
// # The one rule
//
// A Handler returns nil only when everything it did is confirmed by the broker:
// first the ledger, then what it publishes, then (after it returned) the
// acknowledgement. A crash anywhere in between leads to a redelivery, so a
// Handler must be idempotent; package ledger makes that easy.
//
// # The batch is the unit of work
//
// A Handler receives everything that is waiting, up to a size that adapts to
// its speed: up to 1000 messages that are handled fast, few that take long. A batch
// whose Handler fails is handled again one message at a time, so that one bad
// message never takes others along.
//
// # What cannot be done
//
// becomes a dead letter, with its reason, and only when that is stored does it
// leave its queue:
//
//	cannot be decoded ─────────────────────────────────────────────▶ dead letter
//	fails, alone ──▶ comes again later ─ Attempts-th delivery ─────▶ dead letter
//	delivered more often than that: suspect ─▶ on record, alone
//	    │ its handler returns: off the record, done or failed
//	    └ the process ends: delivered again, still on record ──────▶ dead letter
//
// A count of deliveries alone condemns nothing: outages, stops and a neighbour
// that killed the process raise it too.
//
// # Life of Consume
//
//	waiting for the queue ─▶ consuming ─(ctx ends)─▶ finishing ─▶ returned
//	      ▲                     │                     │ asks for nothing more, finishes the batch in hand,
//	      └─ stream is gone ────┘                     │ hands back what arrived and was not begun
//	                                                  └ when the grace is over: hands back everything
package queue
