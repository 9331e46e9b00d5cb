// Package setup makes what a deployment needs at the broker, or checks that it
// is there as it should be.
package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// Result is what was found and made, by name ("REQUESTS", "REQUESTS/generator").
type Result struct {
	Created   []string `json:"created,omitempty"`
	Present   []string `json:"present,omitempty"`   // was there, and as it should be
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
// way round. Where anything differs that cannot be changed so, nothing is.
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
	if len(s.result.Different) > 0 { // then nothing is changed, rather than half of it
		return s.result, s.failed(nil)
	}
	for _, c := range s.changes {
		if err := s.do(ctx, c.apply); err != nil {
			return s.result, fmt.Errorf("cannot change %s: %w", c.name, err)
		}
		s.result.Updated = append(s.result.Updated, c.name)
	}
	return s.result, nil
}

// setup is one call of Apply or Update.
type setup struct {
	js      jetstream.JetStream
	update  bool
	result  Result
	changes []change
}

// change makes something that exists as it should be.
type change struct {
	name  string
	apply func(ctx context.Context) error
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
	s.found(want.Name, differences(want.Name, want, stream.CachedInfo().Config), func(ctx context.Context) error {
		info, err := stream.Info(ctx)
		if err != nil {
			return err
		}
		want.Metadata = notes(info, want.MaxAge)
		_, err = s.js.UpdateStream(ctx, want)
		return err
	})
	return nil
}

// notes returns the metadata of a stream that is about to keep messages for keep:
// what it has, as a reset leaves some, and what it has forgotten by now, which its
// new settings do not show.
func notes(info *jetstream.StreamInfo, keep time.Duration) map[string]string {
	was := info.Config.MaxAge
	if was == 0 || was == keep || info.TimeStamp.Sub(info.Created) < was { // all by the broker's clock
		return info.Config.Metadata
	}
	return topology.NoteForgotten(info.Config.Metadata, info.TimeStamp, was)
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
	s.found(name, differences(name, want.ConsumerConfig, got), func(ctx context.Context) error {
		want.Metadata, want.PauseUntil = got.Metadata, got.PauseUntil
		_, err := s.js.UpdateConsumer(ctx, want.Stream, want.ConsumerConfig)
		return err
	})
	return nil
}

// found takes note of what exists, and of how to change it if that may be.
func (s *setup) found(name string, different []difference, apply func(ctx context.Context) error) {
	if s.update && len(different) > 0 && !slices.ContainsFunc(different, difference.stays) {
		s.changes = append(s.changes, change{name, apply})
		return
	}
	if len(different) == 0 {
		s.result.Present = append(s.result.Present, name)
	}
	for _, d := range different {
		text := d.text
		if s.update {
			text += d.remedy()
		}
		s.result.Different = append(s.result.Different, text)
	}
}
