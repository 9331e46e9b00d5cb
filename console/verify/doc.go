// Package verify judges whether anything was lost or done twice, from the four
// ledgers alone:
//
//	asked ──▶ generated ──▶ stored ──▶ received
//
// It walks them in constant memory: asked from end to end, looking in the others
// for the same requests, and of the others each that turns out to have more
// entries than were found so. The words are those of broker tests:
//
//	complete     in all four, with one and the same string
//	lost         begun and not completed, with no dead letter, and the queues were seen empty since
//	outstanding  begun and not completed, while messages are still in the queues
//	dead         begun and not completed, and set aside as a dead letter; also a request
//	             that is stored, and whose receipt was set aside: nobody waits for more
//	recovered    complete, though never recorded as asked: its requestor was killed
//	             between publishing and recording. No error.
//	unexpected   in a ledger with nothing before it: no origin
//	mismatched   the string stored is not the string generated, or an entry bears the ID of
//	             another request than it is stored under, however far the request came
//	duplicated   a key written more than once
//	expired      older than the ledgers remember, so nobody can tell
//
// Where ledgers forget, a requestor's clock that is behind makes its requests
// expired that much too early: they are counted as such, and not judged.
package verify
