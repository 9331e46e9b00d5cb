// Package setup makes what a deployment needs at the broker, or checks that it
// is there as it should be.
package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// Result is what was found and made, by name ("REQUESTS", "REQUESTS/generator").
type Result struct {
	Created   []string `json:"created,omitempty"`
	Present   []string `json:"present,omitempty"`
	Updated   []string `json:"updated,omitempty"`   // changed, by Update
	Different []string `json:"different,omitempty"` // each difference of what is not as it should be
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
	return run(ctx, &setup{js: js}, settings)
}

// Update is Apply, but what differs only in settings that can be changed safely,
// while messages are there and replicas run, is changed. Nothing is lost by it:
// ledgers may remember longer, and there may be more replicas, but not the other
// way round.
func Update(ctx context.Context, js jetstream.JetStream, settings topology.Settings) (Result, error) {
	return run(ctx, &setup{js: js, update: true}, settings)
}

func run(ctx context.Context, s *setup, settings topology.Settings) (Result, error) {
	streams, err := topology.Streams(settings)
	if err != nil {
		return Result{}, fmt.Errorf("cannot set up: %w", err)
	}
	consumers, err := topology.Consumers(settings)
	if err != nil {
		return Result{}, fmt.Errorf("cannot set up: %w", err)
	}
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

// setup is one call of Apply or Update.
type setup struct {
	js     jetstream.JetStream
	update bool
	result Result
}

func (s *setup) do(ctx context.Context, one func(ctx context.Context) error) error {
	return explain(ask.Patiently(ctx, s.js.Conn(), one))
}

// failed adds to an error the differences found: they may be its reason.
func (s *setup) failed(err error) error {
	if len(s.result.Different) == 0 {
		return err
	}
	different := &DifferentError{Differences: s.result.Different}
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
	return s.found(want.Name, differences(want.Name, want, stream.CachedInfo().Config), func() error {
		want.Metadata = stream.CachedInfo().Config.Metadata // what a reset has noted stays
		_, err := s.js.UpdateStream(ctx, want)
		return err
	})
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
	got := consumer.CachedInfo().Config
	return s.found(name, differences(name, want.ConsumerConfig, got), func() error {
		want.Metadata, want.PauseUntil = got.Metadata, got.PauseUntil
		_, err := s.js.UpdateConsumer(ctx, want.Stream, want.ConsumerConfig)
		return err
	})
}

// found takes note of what exists, and changes it if it may.
func (s *setup) found(name string, different []difference, change func() error) error {
	if s.update && len(different) > 0 && !slices.ContainsFunc(different, difference.stays) {
		if err := change(); err != nil {
			return err
		}
		s.result.Updated = append(s.result.Updated, name)
		return nil
	}
	s.result.Present = append(s.result.Present, name)
	for _, d := range different {
		text := d.text
		if s.update {
			text += d.remedy()
		}
		s.result.Different = append(s.result.Different, text)
	}
	return nil
}
