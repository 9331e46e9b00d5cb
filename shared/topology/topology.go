package topology

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/queue"
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

	conn            *nats.Conn
	publisher       *publish.Publisher
	log             *slog.Logger
	shutdownTimeout time.Duration
}

// Options are the settings of a program that are not the broker's.
type Options struct {
	// ShutdownTimeout is how long a queue's Consume may go on after its context
	// has ended.
	ShutdownTimeout time.Duration
	// HandlerTimeout is that of queue.Config; 0 is its default.
	HandlerTimeout time.Duration
}

// Open returns the view over conn, which stays the caller's to close. It asks
// the broker for nothing.
func Open(conn *nats.Conn, log *slog.Logger, options Options) (*Topology, error) {
	publisher, err := publish.New(conn, log)
	if err != nil {
		return nil, err
	}
	client, err := queue.NewClient(conn, publisher, log, options.ShutdownTimeout)
	if err != nil {
		return nil, err
	}
	return &Topology{
		Queues: Queues{
			Requests:  queue.New(client, options.config(Requests, SubjectRequest), contract.Requests),
			Responses: queue.New(client, options.config(Responses, SubjectResponse), contract.Responses),
			Receipts:  queue.New(client, options.config(Receipts, SubjectReceipt), contract.Receipts),
		},
		conn: conn, publisher: publisher, log: log, shutdownTimeout: options.ShutdownTimeout,
	}, nil
}

// ShutdownTimeout is how long work may go on after its context has ended.
func (t *Topology) ShutdownTimeout() time.Duration { return t.shutdownTimeout }

// Problems reports what prevents this process from working on a queue at full speed.
func (t *Topology) Problems() []string {
	return slices.Concat(t.Requests.Problems(), t.Responses.Problems(), t.Receipts.Problems())
}

// Live returns an error when only a new process can help: see queue.Queue.Live.
func (t *Topology) Live() error {
	return errors.Join(t.Requests.Live(), t.Responses.Live(), t.Receipts.Live())
}

// AwaitConnection returns when there is a connection; with an error if ctx ends
// before, or the connection is closed.
func (t *Topology) AwaitConnection(ctx context.Context) error {
	return t.publisher.AwaitConnection(ctx)
}

// Ledger returns the ledger of that name, one of LedgerNames.
func (t *Topology) Ledger(name string) *ledger.JetStream {
	return ledger.NewJetStream(t.conn, t.publisher, t.log, name)
}

// config leaves attempts, pauses and timeouts to the defaults of package queue.
func (o Options) config(stream, subject string) queue.Config {
	return queue.Config{
		Stream: stream, Subject: subject, Consumer: ConsumerOf(stream),
		DeadLetterStream: DeadLetters, DeadLetterSubject: SubjectDead + "." + stream, AttemptBucket: Attempts,
		HandlerTimeout: o.HandlerTimeout,
	}
}
