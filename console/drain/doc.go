// Package drain tells when everything is finished. It is what an end-to-end
// test waits for, and it cannot be wrong.
//
// No snapshot over several streams exists, and a message that moves on while
// they are read one after the other can be missed by every single reading. So
// Check reads all streams twice:
//
//	pass 1:  REQUESTS 0   RESPONSES 0   RECEIPTS 0   letters
//	          ├──────────────────────────────────────┤
//	                                   ▲ all these intervals contain this moment
//	          ├──────────────────────────────────────┤
//	pass 2:  REQUESTS ─   RESPONSES ─   RECEIPTS ─   letters ─    ─: as in pass 1
//
// A queue that was empty in pass 1 and has stored nothing by pass 2 was empty
// in between. All these intervals contain the moment between the passes: at that
// moment all queues were empty together, whatever moves forward, aside or back.
// As a service acknowledges only what it has published downstream, each request
// confirmed before that moment is finished, or is among the dead letters counted.
//
// # What it does not say
//
//   - A late duplicate may still pass through afterwards: of a message whose
//     worker lost its connection, or whose publisher repeats. It changes no ledger.
//   - On a cluster, a leader that is cut off from the others answers with what
//     it knew for up to about ten seconds.
//   - While someone keeps asking, a system is never drained.
package drain
