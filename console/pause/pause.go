// Package pause stops and resumes delivery from a queue, at the broker, without
// touching any replica: publishers go on publishing, consumers see nothing come.
package pause

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// Forever is as good as for as long as nobody resumes.
const Forever = 100 * 365 * 24 * time.Hour

// ErrUnknownQueue is the error for a name that is not a queue's.
var ErrUnknownQueue = errors.New("no such queue")

// Queue stops delivery for a time. A queue that is paused already is paused for
// that time from now.
func Queue(ctx context.Context, js jetstream.JetStream, queue string, d time.Duration) error {
	consumer, err := consumerOf(queue)
	if err != nil {
		return fmt.Errorf("cannot pause: %w", err)
	}
	if d <= 0 {
		return fmt.Errorf("cannot pause %s for %v: the time must be more than zero", queue, d)
	}
	until := time.Now().Add(d)
	err = ask.Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		_, err := js.PauseConsumer(ctx, queue, consumer, until)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot pause %s: %w", queue, err)
	}
	return nil
}

// Until returns until when a queue is paused; the zero time if it is not.
func Until(ctx context.Context, js jetstream.JetStream, queue string) (until time.Time, err error) {
	consumer, err := consumerOf(queue)
	if err != nil {
		return until, fmt.Errorf("cannot tell whether it is paused: %w", err)
	}
	err = ask.Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		c, err := js.Consumer(ctx, queue, consumer)
		if err == nil && c.CachedInfo().Paused {
			until = time.Now().Add(c.CachedInfo().PauseRemaining)
		}
		return err
	})
	if err != nil {
		return until, fmt.Errorf("cannot tell whether %s is paused: %w", queue, err)
	}
	return until, nil
}

// Resume lets delivery go on. For a queue that is not paused it does nothing.
func Resume(ctx context.Context, js jetstream.JetStream, queue string) error {
	consumer, err := consumerOf(queue)
	if err != nil {
		return fmt.Errorf("cannot resume: %w", err)
	}
	err = ask.Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		_, err := js.ResumeConsumer(ctx, queue, consumer)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot resume %s: %w", queue, err)
	}
	return nil
}

// consumerOf is the durable consumer of a queue.
func consumerOf(queue string) (string, error) {
	if !slices.Contains(topology.QueueNames, queue) {
		return "", fmt.Errorf("%w: %q; there are %s", ErrUnknownQueue, queue, strings.Join(topology.QueueNames, ", "))
	}
	return topology.ConsumerOf(queue), nil
}
