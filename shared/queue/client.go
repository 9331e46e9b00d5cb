package queue

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/publish"
)

// Client is what the queues of one process share: the connection and the
// shutdown timeout. It may be used concurrently.
//
// Its broker user needs permission to publish to the subject of each queue that it
// publishes to. For each queue that it consumes, it needs permission to publish to:
//
//	$JS.API.CONSUMER.INFO.<stream>.<consumer>
//	$JS.API.CONSUMER.MSG.NEXT.<stream>.<consumer>
//	$JS.ACK.<stream>.<consumer>.>      and $JS.ACK.*.*.<stream>.<consumer>.>
//	<dead-letter subject>.*
//	$JS.API.DIRECT.GET.<dead-letter stream>.<dead-letter subject>.*
//	$KV.<attempt bucket>.<stream>.>
//	$JS.API.STREAM.MSG.GET.KV_<attempt bucket>
//	$JS.API.DIRECT.GET.KV_<attempt bucket>
//
// and to subscribe to:
//
//	$JS.EVENT.ADVISORY.STREAM.DELETED.<stream>
//	$JS.EVENT.ADVISORY.CONSUMER.DELETED.<stream>.<consumer>
type Client struct {
	conn      *nats.Conn
	js        jetstream.JetStream
	publisher *publish.Publisher
	log       *slog.Logger
	grace     time.Duration
}

// NewClient returns a Client over conn, which stays the caller's to close. After
// the context of Consume has ended, Consume returns within the shutdown timeout:
// the contexts of handlers end after three quarters of it, and the rest is for
// returning messages to the queue.
func NewClient(conn *nats.Conn, publisher *publish.Publisher, log *slog.Logger, shutdownTimeout time.Duration) (*Client, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("cannot use JetStream: %w", err)
	}
	return &Client{conn: conn, js: js, publisher: publisher, log: log, grace: shutdownTimeout}, nil
}
