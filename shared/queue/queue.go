package queue

import (
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// Config names what belongs to one queue at the broker, and says when a message
// is given up. Package topology has the values of this project.
type Config struct {
	Stream   string // the work-queue stream
	Subject  string // what is published to it
	Consumer string // the durable consumer that all replicas share
	Letters  string // dead letters go to <Letters>.<message ID>
	Suspects string // the key-value bucket that remembers lone attempts

	// Attempts is the delivery from which on a failure is final, and after
	// which a message is suspected of killing its workers.
	Attempts int
	// Backoff is the time to the second attempt; it doubles with each further
	// one, up to MaxBackoff. Half of it is random, so that messages which
	// failed together do not come back together.
	Backoff, MaxBackoff time.Duration
}

// Codec turns values into messages and back.
type Codec[T any] interface {
	// ID identifies the value among all of its queue; publishing twice under
	// one ID stores it once. It is empty when unknown.
	ID(T) string
	// Encode fails when the value is invalid. The header is the caller's.
	Encode(T) (header map[string][]string, body []byte, err error)
	// Decode validates. Also with an error it returns what could be read, so
	// that a dead letter can be filed under its ID.
	Decode(header map[string][]string, body []byte) (T, error)
}

// Message is one delivery to a Handler.
type Message[T any] struct {
	Body       T
	Header     nats.Header
	Deliveries int       // 1 at the first delivery; more is a hint, not proof, of an earlier attempt
	Published  time.Time // when the stream stored it, by the broker's clock
}

// Queue is one durable queue of T. It may be used concurrently.
type Queue[T any] struct {
	client *Client
	config Config
	codec  Codec[T]
	log    zerolog.Logger
	counts counts
}

// New returns the queue. It asks the broker for nothing; whether the queue is
// there shows when it is used.
func New[T any](client *Client, config Config, codec Codec[T]) *Queue[T] {
	return &Queue[T]{
		client: client, config: config, codec: codec,
		log: client.log.With().Str("queue", config.Stream).Logger(),
	}
}

// Name is the name of the queue's stream.
func (q *Queue[T]) Name() string { return q.config.Stream }
