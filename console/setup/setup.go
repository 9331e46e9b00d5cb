// Package setup makes what a deployment needs at the broker, or checks that it
// is there as it should be.
package setup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/topology"
)

const (
	// answerWithin is how long the broker may take for one stream or consumer.
	answerWithin = 10 * time.Second
	// retryEvery is the pause while a cluster is still electing its leader.
	retryEvery = 250 * time.Millisecond
)

// Result is what was found and made, by name ("REQUESTS", "REQUESTS/generator").
type Result struct {
	Created []string
	Present []string
}

// DifferentError is why a setup fails when something exists that is not as it
// should be. Nothing that exists is changed.
type DifferentError struct {
	Differences []string // "REQUESTS: max_bytes is 5, should be 1073741824"
}

func (e *DifferentError) Error() string {
	return "cannot set up: what exists differs from what should be:\n  " + strings.Join(e.Differences, "\n  ")
}

// Apply makes every stream and consumer that is missing, and checks those that
// exist. It may be repeated, also by several at once. It waits while a cluster
// elects its leader, until ctx ends. Any difference is a *DifferentError, which
// lists all of them; what was missing is made nevertheless.
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
		if err := retry(ctx, func(ctx context.Context) error { return s.stream(ctx, config) }); err != nil {
			return s.result, fmt.Errorf("cannot set up stream %s: %w", config.Name, explain(err))
		}
	}
	for _, config := range consumers {
		if err := retry(ctx, func(ctx context.Context) error { return s.consumer(ctx, config) }); err != nil {
			return s.result, fmt.Errorf("cannot set up consumer %s of %s: %w", config.Durable, config.Stream, explain(err))
		}
	}
	if len(s.different) > 0 {
		return s.result, &DifferentError{Differences: s.different}
	}
	return s.result, nil
}

type setup struct {
	js        jetstream.JetStream
	result    Result
	different []string
}

func (s *setup) stream(ctx context.Context, want jetstream.StreamConfig) error {
	stream, err := s.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err := s.js.CreateStream(ctx, want); err != nil {
			return err
		}
		s.result.Created = append(s.result.Created, want.Name)
		return nil
	}
	if err != nil {
		return err
	}
	s.result.Present = append(s.result.Present, want.Name)
	s.compare(want.Name, want, stream.CachedInfo().Config)
	return nil
}

func (s *setup) consumer(ctx context.Context, want topology.Consumer) error {
	name := want.Stream + "/" + want.Durable
	consumer, err := s.js.Consumer(ctx, want.Stream, want.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		if _, err := s.js.CreateConsumer(ctx, want.Stream, want.ConsumerConfig); err != nil {
			return err
		}
		s.result.Created = append(s.result.Created, name)
		return nil
	}
	if err != nil {
		return err
	}
	s.result.Present = append(s.result.Present, name)
	s.compare(name, want.ConsumerConfig, consumer.CachedInfo().Config)
	return nil
}

// retry repeats what a cluster could not do because it has no leader yet.
func retry(ctx context.Context, do func(ctx context.Context) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, answerWithin)
		err := do(attempt)
		cancel()
		if err == nil || !passing(err) {
			return err
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// Codes of the server that the client library has no names for.
const (
	clusterNotAvailable jetstream.ErrorCode = 10008
	clusterNoPeers      jetstream.ErrorCode = 10005
	storageExceeded     jetstream.ErrorCode = 10047
)

// passing tells an error that goes away by itself from one that stays.
func passing(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrDisconnected) {
		return true
	}
	var api jetstream.JetStreamError
	if !errors.As(err, &api) || api.APIError() == nil {
		return false
	}
	code := api.APIError().ErrorCode
	return code == clusterNotAvailable || code == clusterNoPeers
}

func explain(err error) error {
	var api jetstream.JetStreamError
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("JetStream is not enabled at the broker: %w", err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("JetStream is not enabled for this account: %w", err)
	case errors.As(err, &api) && api.APIError() != nil && api.APIError().ErrorCode == storageExceeded:
		return fmt.Errorf("the broker's storage is too small for the queues' limits: give it more, or queues a smaller limit: %w", err)
	case errors.As(err, &api) && api.APIError() != nil && api.APIError().Code == http.StatusBadRequest:
		return fmt.Errorf("another stream may use its name or subjects: %w", err)
	}
	return err
}
