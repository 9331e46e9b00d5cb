// Package feed asks the broker how the deployment is, once a second, for all who
// want to see it.
//
//	broker ◀── 13 questions ── Feed ──▶ Snapshot ──▶ however many watchers
//	       ◀── up to 6 more ──┘
//
// The thirteen are the replicas of both services, stream and consumer of three
// queues, four ledgers and the dead letters. The others are for the requests that
// are followed step by step, and for the dead letters: which are the newest, or
// which of those requests have one. (Only letters with headers that are none cost
// one question each, once.)
//
// # What is counted
//
// A ledger's count is what it has kept since the last reset, whether it still
// still has it or not: else the expiry of an old entry would look like a loss.
//
// # Which requests are followed
//
// Each step of a request is an entry in a ledger, and the broker has noted when
// it was stored. To see every entry would cost as much again as the services do;
// so the feed takes the newest 16 requests each second, as many as 128 at once,
// and looks for their steps until they are finished or have a dead letter. As
// long as 128 are neither, no more are taken: dropping the slow ones would make
// the rest look fast. All is looked up by key or by number, however large the
// ledgers are.
//
// # What the verdict can know
//
// It is derived from counts alone:
//
//	lost ≥ asked − (REQUESTS + RESPONSES + RECEIPTS + received + dead letters)
//
// They are read in this order. A request is recorded as asked when its queue has
// it, and only ever moves to the right; so each that was asked by then is counted
// at least once, or lost. A letter that is redriven moves to the left: where one
// has gone between two readings, the last verdict stays.
//
// So the verdict has no false alarm, and may know of less than there is. What
// moves while it is read is counted on both sides, and hides as many losses: some
// milliseconds' worth of traffic, until the queues are seen empty (Drained). Always
// hidden are as many as there are dead letters that belong to no request or to a
// finished one, and requests recovered, which were finished and never recorded as
// asked. And it has no names. A verification finds each; this is for watching. Who
// discards a request's dead letter has lost the request.
//
// Duplicated is exact: of each key, a ledger should have been written once.
package feed
