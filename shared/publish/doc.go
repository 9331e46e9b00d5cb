// Package publish sends messages to JetStream and returns when the broker has
// confirmed every one of them. Queues and ledgers are built on it.
//
// All messages of a call are sent without waiting in between. The first attempt
// takes them as one, with one reply subject for all answers, since that costs the
// broker least. A stream that allows atomic batches (AllowAtomicPublish, set where
// the broker syncs every write to the disk) gets such a batch. When not all were
// stored, each message is sent again with a reply subject of its own.
//
// A confirmation counts only if it names the expected stream.
//
// A message that is not confirmed is sent again, with the same headers, until it is
// or the caller's context ends: an outage, a full stream, a missing stream or a
// missing permission is the broker's condition, not the message's fault. So a
// message may be stored more than once, unless it carries the sequence that the
// broker must find (Nats-Expected-Last-Subject-Sequence), or the stream keeps one
// message a subject and refuses a second (DiscardNewPerSubject). A message ID
// (Nats-Msg-Id) saves duplicates as well, but proves nothing: see ErrDuplicate.
//
// A message that the broker will never accept (too large, malformed, or its condition
// not met) is refused with an error that says why.
package publish
