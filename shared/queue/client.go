package queue

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"decoupled.example/shared/publish"
)

// Client is what the queues of one process share: the connection, and whose turn
// it is to handle messages. It may be used concurrently.
//
// All that its user at the broker must be allowed is, for each queue it publishes
// to, the queue's subject, and for each that it consumes:
//
//	$JS.API.CONSUMER.INFO.<stream>.<consumer>
//	$JS.API.CONSUMER.MSG.NEXT.<stream>.<consumer>
//	$JS.ACK.<stream>.<consumer>.>      and $JS.ACK.*.*.<stream>.<consumer>.>
//	<letters>.*
//	$JS.API.STREAM.MSG.GET.KV_<suspects> and $KV.<suspects>.<stream>.>
type Client struct {
	conn      *nats.Conn
	js        jetstream.JetStream
	publisher *publish.Publisher
	log       zerolog.Logger
	grace     time.Duration
	turns     *turns
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
		turns: newTurns(),
	}, nil
}
