// Package queue publishes to and consumes from durable queues, and dead-letters the
// messages that cannot be processed.
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
// The result of a Handler says what failed. Only a failure of the message counts
// against the message:
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
// consumption backs off in the same way. These tries count, and they have a price. With
// the default settings an outage of ten minutes makes at most about 25 dead letters in
// each replica, instead of the whole backlog. Bad messages with no good one among or
// behind them are tried slowly, every 5 s in the end. A message counts as bad, and slows
// nothing, once a message behind it has succeeded. A handler that knows the cause should
// return it: Retry costs nothing, and Reject is quick.
//
// # Batches and time
//
// A Handler receives everything that is waiting, up to a size that adapts to its
// speed: up to 1000 fast messages, or a few slow ones. The context of each call ends
// after HandlerTimeout. A tenth of that later its messages are released for other
// replicas, whether or not it has returned; until then their ack deadlines are extended.
// A call that has not returned after twice the timeout makes Live fail, because only a
// restart gets rid of it.
//
// # Life of Consume
//
//	waiting for the queue ─▶ consuming ─(ctx ends)─▶ finishing ─▶ returned
//	      ▲                     │                     │ asks for nothing more, finishes its batches,
//	      └─ consumer is gone ──┘                     │ returns what arrived and was not begun
//	                                                  └ shutdown timeout: returns everything
//
// A consumer that was deleted, re-created or restored is another one. Messages that its
// predecessor delivered are released, since an ack would remove whatever message has
// that sequence now.
package queue
