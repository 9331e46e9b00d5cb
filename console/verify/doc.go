// Package verify judges whether anything was lost or done twice, from the four
// ledgers alone:
//
//	asked ──▶ generated ──▶ stored ──▶ received
//
// It walks them in constant memory: asked from end to end, looking the same requests up in
// the others, and then each of the others that has more entries than were found that way.
// These are the words of the verdict:
//
//	complete     in all four, with one and the same string
//	lost         begun and not completed, with no dead letter, and the queues were seen empty since
//	outstanding  begun and not completed, while messages are still in the queues
//	dead         begun and not completed, and dead-lettered; also a request
//	             that is stored, and whose receipt was dead-lettered: nothing more is to come
//	recovered    complete, though never recorded as asked: its requestor was killed
//	             between publishing and recording. No error.
//	unexpected   in a ledger with nothing before it: no origin
//	mismatched   the string stored is not the string generated, or an entry bears the ID of
//	             another request than it is stored under, however far the request came
//	duplicated   a key written more than once
//	expired      not judged: a part of it may have expired
//
// Where entries expire, an entry is judged by when the broker stored it, compared
// with the broker's clock, and by nothing else: an ID states the time of its
// requestor's clock, which may be wrong by any amount. In the last part of the
// retention (topology.ExpiryMargin) entries are not judged. A string whose origin
// may have expired is not judged either; as such count no more than have expired.
// A verdict that could judge nothing of what there is is not OK.
package verify
