// Package setup creates the streams, consumers and buckets of a deployment, or checks
// that they exist with the right settings.
//
// The right settings follow from the user's settings and from the limits of the broker:
// its max_payload, which a connection knows, and the limits it names in a refusal. A
// default that the broker fills in is not a difference. Only the broker knows its
// defaults, so setup asks it to create the object as wanted. The broker confirms that
// without a change if the existing object is the same.
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

// Result lists what was found and created, by name ("REQUESTS", "REQUESTS/generator").
type Result struct {
	Created   []string `json:"created,omitempty"`
	Present   []string `json:"present,omitempty"`   // existed with the right settings
	Updated   []string `json:"updated,omitempty"`   // changed, by Update
	Different []string `json:"different,omitempty"` // each setting that is not as wanted
	Limits    []string `json:"limits,omitempty"`    // limits of the broker that make a difference, one line each
}

// Apply creates every missing stream and consumer, and checks the existing ones. It may be
// repeated, also by several clients at once. While the broker is unreachable, or a cluster
// elects its leader, it waits until ctx ends.
//
// If anything differs, the error unwraps to a *DifferentError, which lists all
// differences; missing objects are created nevertheless. At any other error Apply stops.
// The error says what the broker refused and, as far as is known, what to do about it.
func Apply(ctx context.Context, js jetstream.JetStream, settings topology.Settings) (Result, error) {
	return run(ctx, &setup{js: js, settings: settings})
}

// Update is Apply, but also changes settings that can be changed safely while the queues
// hold messages and replicas run. Nothing is lost: the retention of the ledgers may become
// longer and the number of replicas larger, but not the other way round. If any difference
// cannot be changed safely, Update changes nothing.
func Update(ctx context.Context, js jetstream.JetStream, settings topology.Settings) (Result, error) {
	return run(ctx, &setup{js: js, settings: settings, update: true})
}

func run(ctx context.Context, s *setup) (Result, error) {
	streams, err := topology.Streams(s.settings)
	if err != nil {
		return Result{}, fmt.Errorf("cannot set up: %w", err)
	}
	consumers, err := topology.Consumers(s.settings)
	if err != nil {
		return Result{}, fmt.Errorf("cannot set up: %w", err)
	}
	for i, config := range streams {
		if err := s.do(ctx, func(ctx context.Context) error { return s.stream(ctx, i) }); err != nil {
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
	s.felt()
	return s.result, nil
}

// setup is one call of Apply or Update.
type setup struct {
	js       jetstream.JetStream
	settings topology.Settings // with the limits of the broker, as far as they are known
	update   bool
	result   Result
	changes  []change
	batch    int // how many messages a consumer may be asked for at once; 0: any number
}

// change gives an existing object the wanted settings.
type change struct {
	name  string
	apply func(ctx context.Context) error
}

func (s *setup) do(ctx context.Context, one func(ctx context.Context) error) error {
	return explain(ask.Patiently(ctx, s.js.Conn(), one))
}

// failed adds the found differences to an error, because they may be its reason.
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

// stream creates or checks one stream. If the broker refuses it because of a limit, stream
// tries again within the limit.
func (s *setup) stream(ctx context.Context, index int) error {
	for {
		if s.js.Conn().IsConnected() { // it is, unless that was a moment ago
			s.settings.MaxPayload = s.js.Conn().MaxPayload()
		}
		streams, err := topology.Streams(s.settings)
		if err != nil {
			return err
		}
		if err := s.oneStream(ctx, streams[index]); err == nil || !s.learn(err) {
			return err
		}
	}
}

func (s *setup) oneStream(ctx context.Context, want jetstream.StreamConfig) error {
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
	got := stream.CachedInfo().Config
	different := differences(want.Name, want, got)
	if len(different) > 0 {
		same := want
		same.Description, same.Metadata = got.Description, got.Metadata
		_, err := s.js.CreateStream(ctx, same)
		if different, err = s.own(different, err); err != nil {
			return err
		}
	}
	s.found(want.Name, different, func(ctx context.Context) error {
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

// own returns the differences that are not defaults of the broker. It recognises them by
// the broker's answer to creating the wanted object although one exists.
func (s *setup) own(different []difference, made error) ([]difference, error) {
	var refused jetstream.JetStreamError
	switch {
	case made == nil: // to the broker it is the same
		return nil, nil
	case !errors.As(made, &refused), ask.Temporary(made), s.limit(made) != 0:
		return nil, made
	}
	return different, nil
}

// notes returns the metadata of a stream whose retention becomes keep: the existing
// metadata, for example of a reset, and the time before which entries have expired, which
// the new settings do not show.
func notes(info *jetstream.StreamInfo, keep time.Duration) map[string]string {
	was := info.Config.MaxAge
	if was == 0 || was == keep || info.TimeStamp.Sub(info.Created) < was { // all by the broker's clock
		return info.Config.Metadata
	}
	return topology.NoteExpired(info.Config.Metadata, info.TimeStamp, was)
}

func (s *setup) consumer(ctx context.Context, want topology.Consumer) error {
	name := want.Stream + "/" + want.Durable
	consumer, err := s.js.Consumer(ctx, want.Stream, want.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		consumer, err = s.js.CreateConsumer(ctx, want.Stream, want.ConsumerConfig)
		if err == nil {
			s.batch = consumer.CachedInfo().Config.MaxRequestBatch
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
	different := differences(name, want.ConsumerConfig, got)
	if len(different) > 0 {
		same := want.ConsumerConfig
		same.Description, same.Metadata, same.PauseUntil = got.Description, got.Metadata, got.PauseUntil
		_, err := s.js.CreateConsumer(ctx, want.Stream, same)
		if different, err = s.own(different, err); err != nil {
			return err
		}
	}
	s.batch = got.MaxRequestBatch
	s.found(name, different, func(ctx context.Context) error {
		want.Metadata, want.PauseUntil = got.Metadata, got.PauseUntil
		_, err := s.js.UpdateConsumer(ctx, want.Stream, want.ConsumerConfig)
		return err
	})
	return nil
}

// found records what exists, and how to change it if that is allowed.
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
