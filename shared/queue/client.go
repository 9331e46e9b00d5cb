package queue

import (
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"decoupled.example/shared/publish"
)

// everyone is the weight of the whole process in Client.handling.
const everyone = math.MaxInt32

// Client is what the queues of one process share: the connection, and the turn
// at handling. It may be used concurrently.
type Client struct {
	conn      *nats.Conn
	js        jetstream.JetStream
	publisher *publish.Publisher
	log       zerolog.Logger
	grace     time.Duration

	// handling is held in part by each batch being handled, and as a whole
	// while a suspect is handled: if the process dies then, nothing else can
	// have killed it.
	handling *semaphore.Weighted
}

// NewClient returns a Client over conn, which stays the caller's to close.
// After Consume was told to stop, the batch in hand may take grace to finish.
func NewClient(conn *nats.Conn, publisher *publish.Publisher, log zerolog.Logger, grace time.Duration) (*Client, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("cannot use JetStream: %w", err)
	}
	return &Client{
		conn: conn, js: js, publisher: publisher, log: log, grace: grace,
		handling: semaphore.NewWeighted(everyone),
	}, nil
}
