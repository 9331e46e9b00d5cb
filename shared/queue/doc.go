// Package queue is what a service does with a durable queue: publish to it,
// consume from it, and dead-letter what cannot be done.
//
// A Queue[T] is a JetStream work-queue stream with one durable consumer that
// all replicas of the consuming service share (competing consumers).
//
//	publisher                 broker                        consumer
//	Publish ── message ──▶ stream (file) ◀── pull n ──── loop, loop
//	   ◀── confirmation ────┘   └──── batch of ≤ n ────▶ Handler(batch)
//	                                                        │ nil: its effects are durable
//	                            ◀──────── ack ──────────────┤
//	                            ◀──────── nak, later ───────┤ failed, or a dependency failed
//	                   dead letters ◀── letter, then term ──┘ rejected, or no attempt left
//
// # The one rule
//
// A Handler returns nil only when everything it did is confirmed: first the
// ledger, then what it publishes, then (after it returned) the ack. A crash anywhere
// in between leads to a redelivery, and Publish may store a message twice. So a
// Handler must be idempotent; package ledger makes that easy.
//
// # What is to blame
//
// A Handler says by its result what failed, and only what is the message's fault
// counts against the message:
//
//	             ┌──────────────── nil ──────────────────▶ acked
//	             │
//	waiting ─▶ in flight ── Retry, ErrUnavailable ───────▶ waiting, consumption backs off
//	   ▲         │
//	   │         ├── error, panic, timeout ──▶ failed attempt, on record
//	   │         │                               │        │ Attempts of them
//	   └─────────┼──── back-off, quarantine ─────┘        ▼
//	   ▲         ├── Reject, cannot be decoded ────▶ dead letter
//	   │         │
//	   └─────────┴── shutdown, return untried, ack wait expired: not counted
//
// An error for a batch of several messages is a failed attempt of none of them:
// the batch is bisected until the bad messages are found, unless a BatchError names
// them.
//
// # Attempts and quarantine
//
// Failed attempts are on record in a key-value bucket, so they count across
// replicas and restarts; a delivery count does not. A message that has failed, or
// whose deliveries ended suspiciously often without a trace, is handled in
// quarantine: alone, one at a time in each process, with the attempt on record
// before it begins. When the worker dies with it, the record stays and counts as a
// failed attempt. That is how a message that kills its workers becomes a dead
// letter, and its neighbours do not.
//
// # When nothing succeeds
//
// While a dependency fails (Retry), a replica tries one message at a time, with
// pauses that grow from 100 ms to Config.MaxPause, and is back at full speed with
// the first that succeeds.
//
// A handler may also return plain errors while a dependency is down. Then every
// message fails, and a bad dependency looks like bad messages. After 20
// failed calls in a row, or 5 failed messages and a second without a success,
// consumption backs off in the same way. These tries count, and what they cost is:
// an outage of ten minutes with the default settings makes at most some 25 dead
// letters in each replica instead of the whole backlog; and bad messages with
// nothing good among or behind them are tried slowly, 5 s an attempt in the end. A
// message counts as bad, and slows nothing, once a message behind it has succeeded.
// Handlers that know better should say so: Retry costs nothing, Reject is quick.
//
// # Batches and time
//
// A Handler receives everything that is waiting, up to a size that adapts to its
// speed: up to 1000 messages that are handled fast, few that take long. Each call
// has HandlerTimeout. Then its context ends, and a tenth of that later its messages
// are released for other replicas, whether or not it has returned. A call that has
// not returned after twice the timeout makes Live fail: only a restart gets rid of
// it. The deadlines of messages in flight are extended until then.
//
// # Life of Consume
//
//	waiting for the queue ─▶ consuming ─(ctx ends)─▶ finishing ─▶ returned
//	      ▲                     │                     │ asks for nothing more, finishes its batches,
//	      └─ consumer is gone ──┘                     │ returns what arrived and was not begun
//	                                                  └ shutdown timeout: returns everything
//
// A consumer that was deleted, re-created or restored is another one: what its
// predecessor delivered is released, since an ack would settle whatever message has
// that sequence now.
package queue
