// Package setup makes what a deployment needs at the broker, or checks that it
// is there as it should be.
package setup

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// Result is what was found and made, by name ("REQUESTS", "REQUESTS/generator").
type Result struct {
	Created []string
	Present []string
}

// Apply makes every stream and consumer that is missing, and checks those that
// exist. It may be repeated, also by several at once. While the broker is away,
// or a cluster elects its leader, it waits, until ctx ends.
//
// If anything differs, the error unwraps to a *DifferentError, which lists all
// differences; what was missing is made nevertheless. At any other error it stops
// there: the error says what the broker refused and, as far as that can be told,
// what to do about it.
func Apply(ctx context.Context, js jetstream.JetStream, settings topology.Settings) (Result, error) {
	streams, err := topology.Streams(settings)
	if err != nil {
		return Result{}, fmt.Errorf("cannot set up: %w", err)
	}
	consumers, err := topology.Consumers(settings)
	if err != nil {
		return Result{}, fmt.Errorf("cannot set up: %w", err)
	}
	s := &setup{js: js}
	for _, config := range streams {
		if err := s.do(ctx, func(ctx context.Context) error { return s.stream(ctx, config) }); err != nil {
			return s.result, s.failed(fmt.Errorf("cannot set up stream %s: %w", config.Name, err))
		}
	}
	for _, config := range consumers {
		if err := s.do(ctx, func(ctx context.Context) error { return s.consumer(ctx, config) }); err != nil {
			return s.result, s.failed(fmt.Errorf("cannot set up consumer %s of %s: %w", config.Durable, config.Stream, err))
		}
	}
	return s.result, s.failed(nil)
}

// setup is one call of Apply.
type setup struct {
	js        jetstream.JetStream
	result    Result
	different []string
}

func (s *setup) do(ctx context.Context, one func(ctx context.Context) error) error {
	return explain(ask.Patiently(ctx, s.js.Conn(), one))
}

// failed adds to an error the differences found: they may be its reason.
func (s *setup) failed(err error) error {
	if len(s.different) == 0 {
		return err
	}
	different := &DifferentError{Differences: s.different}
	if err == nil {
		return fmt.Errorf("cannot set up: %w", different)
	}
	return fmt.Errorf("%w\n%w", err, different)
}

func (s *setup) stream(ctx context.Context, want jetstream.StreamConfig) error {
	stream, err := s.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = s.js.CreateStream(ctx, want)
		if err == nil {
			s.result.Created = append(s.result.Created, want.Name)
			return nil
		}
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // someone else has just made it, otherwise
			stream, err = s.js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return err
	}
	s.result.Present = append(s.result.Present, want.Name)
	s.different = append(s.different, differences(want.Name, want, stream.CachedInfo().Config)...)
	return nil
}

func (s *setup) consumer(ctx context.Context, want topology.Consumer) error {
	name := want.Stream + "/" + want.Durable
	consumer, err := s.js.Consumer(ctx, want.Stream, want.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		_, err = s.js.CreateConsumer(ctx, want.Stream, want.ConsumerConfig)
		if err == nil {
			s.result.Created = append(s.result.Created, name)
			return nil
		}
		if errors.Is(err, jetstream.ErrConsumerExists) { // someone else has just made it, otherwise
			consumer, err = s.js.Consumer(ctx, want.Stream, want.Durable)
		}
	}
	if err != nil {
		return err
	}
	s.result.Present = append(s.result.Present, name)
	s.different = append(s.different, differences(name, want.ConsumerConfig, consumer.CachedInfo().Config)...)
	return nil
}
