// Package ledger is an idempotency ledger: it records what a service has done, by
// ID. With it an effect happens once, although its message may be delivered many
// times:
//
//	stored, err := l.PutIfAbsent(ctx, entries...)   // the first write wins
//
// A handler computes its effect, stores it, and continues with what PutIfAbsent
// returned. At the first delivery that is its own entry; at every later one, on
// any replica, it is the same bytes as at the first.
//
// Deduplication by the broker cannot do this: its window is short, and it is lost
// at a restart. A service never changes or removes an entry. The store itself
// enforces that the first write wins.
//
// Package ledgertest has the tests that every implementation must pass.
package ledger
