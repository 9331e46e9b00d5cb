package topology

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/queue"
)

const (
	// attempts is how often a message may fail. Three to five is common.
	attempts   = 5
	backoff    = 250 * time.Millisecond
	maxBackoff = 30 * time.Second
)

// Queues are the three queues, typed by what is in them.
type Queues struct {
	Requests  *queue.Queue[contract.Request]
	Responses *queue.Queue[contract.Response]
	Receipts  *queue.Queue[contract.Receipt]
}

// Topology is a program's view of the broker. It may be used concurrently.
type Topology struct {
	Queues

	conn      *nats.Conn
	publisher *publish.Publisher
	log       zerolog.Logger
	grace     time.Duration
}

// Open returns the view over conn, which stays the caller's to close. It asks
// the broker for nothing. After a queue's Consume was told to stop, the work in
// hand may take grace to finish.
func Open(conn *nats.Conn, log zerolog.Logger, grace time.Duration) (*Topology, error) {
	publisher, err := publish.New(conn, log)
	if err != nil {
		return nil, err
	}
	client, err := queue.NewClient(conn, publisher, log, grace)
	if err != nil {
		return nil, err
	}
	return &Topology{
		Queues: Queues{
			Requests:  queue.New(client, config(Requests, SubjectRequest), contract.Requests),
			Responses: queue.New(client, config(Responses, SubjectResponse), contract.Responses),
			Receipts:  queue.New(client, config(Receipts, SubjectReceipt), contract.Receipts),
		},
		conn: conn, publisher: publisher, log: log, grace: grace,
	}, nil
}

// Grace is how long work in hand may take after a stop.
func (t *Topology) Grace() time.Duration { return t.grace }

// AwaitConnection returns when there is a connection; with an error if ctx ends
// before, or the connection is closed.
func (t *Topology) AwaitConnection(ctx context.Context) error {
	return t.publisher.AwaitConnection(ctx)
}

// Ledger returns the ledger of that name, one of LedgerNames.
func (t *Topology) Ledger(name string) *ledger.JetStream {
	return ledger.NewJetStream(t.conn, t.publisher, t.log, name)
}

func config(stream, subject string) queue.Config {
	return queue.Config{
		Stream: stream, Subject: subject, Consumer: ConsumerOf(stream),
		Letters: SubjectDead + "." + stream, Suspects: Suspects,
		Attempts: attempts, Backoff: backoff, MaxBackoff: maxBackoff,
	}
}
