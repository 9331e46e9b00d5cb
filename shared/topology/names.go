package topology

// The queues' streams.
const (
	Requests  = "REQUESTS"
	Responses = "RESPONSES"
	Receipts  = "RECEIPTS"
)

// DeadLetters is the stream of the dead letters of all queues, with the
// subject dead.<queue>.<request ID, or "unknown">.
const DeadLetters = "DEAD_LETTERS"

// The queues' subjects.
const (
	SubjectRequest  = "strings.request"
	SubjectResponse = "strings.response"
	SubjectReceipt  = "strings.received-ack"
	SubjectDead     = "dead"
)

// The services. A queue's durable consumer is named after the one that
// consumes it, and so are its user at the broker and its micro service.
const (
	Requestor = "requestor"
	Generator = "generator"
)

// The ledgers' key-value buckets, and that of the queues' attempt records.
const (
	Asked     = "asked"
	Generated = "generated"
	Stored    = "stored"
	Received  = "received"
	Attempts  = "attempts"
)

// MetadataReset is the metadata of a queue's or ledger's stream with its last
// sequence when it was emptied. Counts start again from there.
// MetadataDeliveries is, of a queue's, how many deliveries there had been.
const (
	MetadataReset      = "decoupled.reset"
	MetadataDeliveries = "decoupled.reset.deliveries"
)

// QueueNames are the names of the queues in the order a request passes them.
var QueueNames = []string{Requests, Responses, Receipts}

// LedgerNames are the names of the ledgers in the order a request passes them.
var LedgerNames = []string{Asked, Generated, Stored, Received}

// ConsumerOf is the name of a queue's durable consumer: the service that works
// on it.
func ConsumerOf(queue string) string {
	if queue == Responses {
		return Requestor
	}
	return Generator
}
