// Package ledger remembers for good what a service has done, by ID. It is what
// makes an effect happen once although its message may be delivered many times:
//
//	kept, err := l.Keep(ctx, entries...)   // what was kept before wins
//
// A handler computes what it would do, keeps it, and goes on with what Keep
// returned: at the first delivery its own entry, at any later one, on any
// replica, the very same bytes as at the first.
//
// Deduplication by the broker cannot do this: it forgets after a while, and
// after a restart. An entry is never changed and never removed by a service;
// that the first write wins is enforced where the entries are stored.
//
// Package ledgertest holds what every implementation must pass.
package ledger
