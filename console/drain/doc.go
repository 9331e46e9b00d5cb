// Package drain determines whether all work is finished. An end-to-end test can
// wait for it: when it reports that the queues are drained, they were.
//
// JetStream offers no snapshot over several streams. A message that moves from one
// queue to the next between two readings can be missed by both. Check therefore
// reads all streams twice:
//
//	pass 1:  REQUESTS 0   RESPONSES 0   RECEIPTS 0   dead letters
//	          ├──────────────────────────────────────┤
//	                                   ▲ all these intervals contain this moment
//	          ├──────────────────────────────────────┤
//	pass 2:  REQUESTS ─   RESPONSES ─   RECEIPTS ─   dead letters    ─: as in pass 1
//
// A queue that was empty in pass 1 and stored nothing before pass 2 was empty in
// between. All these intervals contain the moment between the two passes, so at
// that moment all queues were empty together, in whatever direction messages move.
// Services ack a message only after they published its successor. Each request
// confirmed before that moment is therefore finished or one of the dead letters
// counted.
//
// # Limits
//
//   - A duplicate may still pass through afterwards, published by a worker that
//     lost its connection or by a publisher that retries. It changes no ledger.
//   - In a cluster, a leader that is partitioned from the others may answer with
//     outdated numbers for up to about ten seconds.
//   - The queues are never drained while requests keep arriving.
package drain
