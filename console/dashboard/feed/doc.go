// Package feed asks the broker how the deployment is, once a second, for all who
// want to see it.
//
//	broker ◀── 13 questions ── Feed ──▶ Snapshot ──▶ however many watchers
//	       ◀── up to 6 more ──┘
//
// The thirteen are the replicas of both services, stream and consumer of three
// queues, four ledgers and the dead letters. The others are for the requests that
// are followed step by step, and for the dead letters when these have changed.
// (Only letters with headers that are none cost one question each, once.)
//
// # Which requests are followed
//
// Each step of a request is an entry in a ledger, and the broker has noted when
// it was stored. To see every entry would cost as much again as the services do;
// so the feed takes the newest 16 requests each second, as many as 128 at once,
// and looks for their steps until they are finished. As long as 128 are not, no
// more are taken: to forget the slow ones would make the rest look fast. All is
// looked up by key or by number, however large the ledgers are.
package feed
