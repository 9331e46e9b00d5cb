// Package pause stops and resumes delivery from a queue, at the broker, without
// touching any replica: publishers continue, and consumers receive nothing.
//
// The broker pauses a consumer until an absolute time, which it compares with its
// own clock. That time is therefore computed from the broker's clock, and each
// pause and resume is read back, and an error if it did not take effect.
package pause

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

const (
	// Forever stands for "until it is resumed".
	Forever = 100 * 365 * 24 * time.Hour

	// settleWithin bounds how long the consumer may take to show a pause that the
	// broker has accepted: on a cluster another node leads it.
	settleWithin = 5 * time.Second
	// tolerance is how far the time that a pause has left may be from what was
	// asked: questions take a moment, and the clocks of a cluster's nodes differ.
	tolerance = 2 * settleWithin
)

var (
	// ErrUnknownQueue is the error for a name that is not a queue's.
	ErrUnknownQueue = errors.New("no such queue")
	// ErrNotTaken is the error of a pause or resume that the broker accepted and
	// that did not take, or took for another time than was asked.
	ErrNotTaken = errors.New("the broker accepted it and did something else")
)

// Queue stops delivery for d from now on. It replaces an existing pause.
func Queue(ctx context.Context, js jetstream.JetStream, queue string, d time.Duration) error {
	consumer, err := consumerOf(queue)
	if err != nil {
		return fmt.Errorf("cannot pause: %w", err)
	}
	if d <= 0 {
		return fmt.Errorf("cannot pause %s for %v: the time must be more than zero", queue, d)
	}
	var begun time.Time
	var elapsed time.Duration // until it was first read back
	err = ask.Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		info, err := read(ctx, js, queue, consumer)
		if err != nil {
			return err
		}
		begun = time.Now()
		_, err = js.PauseConsumer(ctx, queue, consumer, info.TimeStamp.Add(d))
		return err
	})
	if err == nil {
		err = settle(ctx, js, queue, consumer, func(info *jetstream.ConsumerInfo) error {
			if elapsed == 0 {
				elapsed = time.Since(begun)
			}
			switch left := info.PauseRemaining; {
			case !info.Paused && elapsed >= d: // it was that short
				return nil
			case !info.Paused, left > d+tolerance, left < d-elapsed-tolerance:
				return fmt.Errorf("%w: %s; check the clocks of the broker's nodes", ErrNotTaken, describe(info))
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("cannot pause %s: %w", queue, err)
	}
	return nil
}

// Remaining returns how much longer a queue is paused; 0 if it is not paused.
func Remaining(ctx context.Context, js jetstream.JetStream, queue string) (left time.Duration, err error) {
	consumer, err := consumerOf(queue)
	if err != nil {
		return 0, fmt.Errorf("cannot determine whether it is paused: %w", err)
	}
	err = ask.Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		info, err := read(ctx, js, queue, consumer)
		if err == nil && info.Paused {
			left = max(0, info.PauseRemaining)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot determine whether %s is paused: %w", queue, err)
	}
	return left, nil
}

// Resume restarts delivery. It does nothing for a queue that is not paused.
func Resume(ctx context.Context, js jetstream.JetStream, queue string) error {
	consumer, err := consumerOf(queue)
	if err != nil {
		return fmt.Errorf("cannot resume: %w", err)
	}
	err = ask.Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		_, err := js.ResumeConsumer(ctx, queue, consumer)
		return err
	})
	if err == nil {
		err = settle(ctx, js, queue, consumer, func(info *jetstream.ConsumerInfo) error {
			if info.Paused {
				return fmt.Errorf("%w: %s", ErrNotTaken, describe(info))
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("cannot resume %s: %w", queue, err)
	}
	return nil
}

// settle reads the consumer until it is as it should be, and returns what is wrong
// when it is not for too long.
func settle(ctx context.Context, js jetstream.JetStream, queue, consumer string, wrong func(*jetstream.ConsumerInfo) error) error {
	within, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	var found error
	err := ask.Patiently(within, js.Conn(), func(ctx context.Context) error {
		info, err := read(ctx, js, queue, consumer)
		if err != nil {
			return err
		}
		if found = wrong(info); found != nil {
			return fmt.Errorf("%w: %w", nats.ErrTimeout, found) // it may be right in a moment
		}
		return nil
	})
	if err != nil && found != nil && ctx.Err() == nil {
		return found
	}
	return err
}

// read reads what the node that leads a consumer knows of it. All times in the
// answer are by that node's clock.
func read(ctx context.Context, js jetstream.JetStream, queue, consumer string) (*jetstream.ConsumerInfo, error) {
	c, err := js.Consumer(ctx, queue, consumer)
	if err != nil {
		return nil, err
	}
	return c.CachedInfo(), nil
}

func describe(info *jetstream.ConsumerInfo) string {
	if !info.Paused {
		return "it is not paused"
	}
	return fmt.Sprintf("it is paused for %v", info.PauseRemaining.Round(time.Second))
}

// consumerOf is the durable consumer of a queue.
func consumerOf(queue string) (string, error) {
	if !slices.Contains(topology.QueueNames, queue) {
		return "", fmt.Errorf("%w: %q; there are %s", ErrUnknownQueue, queue, strings.Join(topology.QueueNames, ", "))
	}
	return topology.ConsumerOf(queue), nil
}
