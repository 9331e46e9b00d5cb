package queue

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"log/slog"
	"time"
)

// Config names what belongs to one queue at the broker, and says how often and
// for how long a message is tried. Zero settings stand for their defaults. Package
// topology has the values of this project.
type Config struct {
	Stream            string // the work-queue stream
	Subject           string // of its messages
	Consumer          string // the durable consumer that all replicas share
	DeadLetterStream  string // the stream of dead letters
	DeadLetterSubject string // dead letters go to <DeadLetterSubject>.<message ID>
	AttemptBucket     string // the key-value bucket of attempt records

	// Attempts is how often a message may fail before it becomes a dead letter,
	// on all replicas together; default 5. What counts is described at Handler.
	Attempts int
	// Backoff is the pause before the second attempt; it doubles with each
	// further one, up to MaxBackoff. Half of it is random, so that messages which
	// failed together do not come back together. Defaults 250 ms and 30 s.
	Backoff, MaxBackoff time.Duration
	// MaxPause is the longest pause between two messages that are tried while
	// consumption backs off; default 5 s.
	MaxPause time.Duration
	// HandlerTimeout is how long the handler may take for one call; default 30 s.
	// Then its context ends. A tenth of it later the messages are released for
	// other replicas, whether or not the handler has returned. A handler that has
	// not returned after twice the timeout makes the process fail its liveness
	// check.
	HandlerTimeout time.Duration
	// Concurrency is how many calls of the handler a process makes at a time;
	// default 2: while one batch is handled, the next is fetched.
	Concurrency int
}

// complete fills in the defaults.
func (c Config) complete() Config {
	c.Attempts = cmp.Or(c.Attempts, 5)
	c.Backoff = cmp.Or(c.Backoff, 250*time.Millisecond)
	c.MaxBackoff = cmp.Or(c.MaxBackoff, 30*time.Second)
	c.MaxPause = cmp.Or(c.MaxPause, 5*time.Second)
	c.HandlerTimeout = cmp.Or(c.HandlerTimeout, 30*time.Second)
	c.Concurrency = cmp.Or(c.Concurrency, 2)
	return c
}

// validate names the setting that is out of range, or missing.
func (c Config) validate() error {
	for name, value := range map[string]string{
		"Stream": c.Stream, "Subject": c.Subject, "Consumer": c.Consumer,
		"DeadLetterStream": c.DeadLetterStream, "DeadLetterSubject": c.DeadLetterSubject, "AttemptBucket": c.AttemptBucket,
	} {
		if value == "" {
			return fmt.Errorf("setting %s is missing", name)
		}
	}
	for name, value := range map[string]int64{
		"Attempts": int64(c.Attempts), "Backoff": int64(c.Backoff), "MaxBackoff": int64(c.MaxBackoff),
		"MaxPause": int64(c.MaxPause), "HandlerTimeout": int64(c.HandlerTimeout), "Concurrency": int64(c.Concurrency),
	} {
		if value < 0 {
			return fmt.Errorf("setting %s must not be negative", name)
		}
	}
	return nil
}

// Codec turns values into messages and back.
type Codec[T any] interface {
	// ID identifies the value among all of its queue. It is empty when unknown.
	ID(T) string
	// Encode fails when the value is invalid. The header is the caller's.
	Encode(T) (header map[string][]string, body []byte, err error)
	// Decode validates. Also with an error it returns what could be read, so
	// that a dead letter can be stored under its ID.
	Decode(header map[string][]string, body []byte) (T, error)
}

// Queue is one durable queue of T. It may be used concurrently.
type Queue[T any] struct {
	client  *Client
	config  Config
	codec   Codec[T]
	log     *slog.Logger
	counts  counts
	calls   calls
	breaker *breaker
	id      string // of this process, in attempt records
}

// New returns the queue. It asks the broker for nothing; whether the queue is
// there shows when it is used.
func New[T any](client *Client, config Config, codec Codec[T]) *Queue[T] {
	config = config.complete()
	log := client.log.With("queue", config.Stream)
	return &Queue[T]{
		client: client, config: config, codec: codec, log: log,
		breaker: newBreaker(log, config.MaxPause), id: rand.Text(),
	}
}

// Name is the name of the queue's stream.
func (q *Queue[T]) Name() string { return q.config.Stream }
