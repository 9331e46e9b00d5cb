// Package ask sends requests to the broker: once with a timeout, or repeatedly until the
// broker is back.
package ask

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// answerWithin is how long the broker may take for one request. A request that it
	// received before an outage is never answered, so waiting longer is useless.
	answerWithin = 2 * time.Second
	// again is the pause before a request is repeated.
	again = 100 * time.Millisecond
	// settled is how long there may be no answer: a broker that stops or
	// starts is in that state for a moment.
	settled = time.Second
)

// Codes of the server that the client library has no names for.
const (
	clusterIncomplete   jetstream.ErrorCode = 10004 // some nodes do not answer
	clusterNoPeers      jetstream.ErrorCode = 10005
	clusterNotAvailable jetstream.ErrorCode = 10008
	streamOffline       jetstream.ErrorCode = 10118 // the only node that has it is down
	consumerOffline     jetstream.ErrorCode = 10119
	idInProcess         jetstream.ErrorCode = 10158 // an earlier attempt is not replicated yet
	tooManyRequests     jetstream.ErrorCode = 10167
)

// Once asks once. It fails at once without a connection, and after about two seconds
// without an answer. The broker does not answer a client that lacks a permission; Once
// then returns an error that unwraps to nats.ErrPermissionViolation and names the
// permission. If a stream or a consumer is missing, the error advises to run setup.
func Once(ctx context.Context, conn *nats.Conn, question func(ctx context.Context) error) error {
	switch {
	case conn.IsClosed():
		return nats.ErrConnectionClosed
	case !conn.IsConnected(): // else questions would pile up in the client's buffer
		return nats.ErrDisconnected
	}
	before := conn.LastError()
	attempt, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	err := question(attempt)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		if denied := Denied(conn, before); denied != nil {
			return denied
		}
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("%w: run setup", err)
	}
	return err
}

// Denied returns the permission that conn was denied last, if that is not what its
// LastError was before. The broker does not answer a client that lacks a permission; it
// reports an error on the connection.
func Denied(conn *nats.Conn, before error) error {
	denied := conn.LastError()
	if !errors.Is(denied, nats.ErrPermissionViolation) || denied == before { //nolint:errorlint // another one, not another kind
		return nil
	}
	return denied
}

// WhileAllowed calls a function that would wait until a missing permission is granted, as
// services do. When conn is denied a permission, WhileAllowed cancels the function and
// returns that error.
func WhileAllowed(ctx context.Context, conn *nats.Conn, do func(ctx context.Context) error) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	before := conn.LastError()
	look := time.NewTicker(again)
	defer look.Stop()
	go func() {
		for {
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
			if denied := Denied(conn, before); denied != nil {
				end(denied)
			}
		}
	}()
	err := do(ctx)
	if denied := context.Cause(ctx); err != nil && errors.Is(denied, nats.ErrPermissionViolation) {
		return denied
	}
	return err
}

// Present returns an error that advises to run setup if one of these streams is missing,
// for callers that would otherwise wait until it exists, as services do.
func Present(ctx context.Context, js jetstream.JetStream, streams ...string) error {
	for _, name := range streams {
		if _, err := Stream(ctx, js, name); err != nil {
			return fmt.Errorf("cannot find %s: %w", name, err)
		}
	}
	return nil
}

// Stream returns what the broker knows about a stream. It retries like Patiently.
func Stream(ctx context.Context, js jetstream.JetStream, name string) (info *jetstream.StreamInfo, err error) {
	err = Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		stream, err := js.Stream(ctx, name)
		if err == nil {
			info = stream.CachedInfo()
		}
		return err
	})
	return info, err
}

// Patiently asks until there is an answer, which may be an error, or until ctx ends. It
// continues while the broker is unreachable, silent, or electing a leader. When ctx ends
// first, the error unwraps to its cause and names the last problem.
func Patiently(ctx context.Context, conn *nats.Conn, question func(ctx context.Context) error) error {
	return Again(ctx, conn, func(ctx context.Context) error { return Once(ctx, conn, question) })
}

// Again is Patiently for a function that makes several requests, each with Once.
func Again(ctx context.Context, conn *nats.Conn, questions func(ctx context.Context) error) error {
	var trouble error
	var absent time.Time // since when nobody is there to answer
	for {
		err := questions(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			if !conn.IsConnected() { // since a moment ago
				trouble = nats.ErrDisconnected
			}
			if trouble == nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%w: %w", context.Cause(ctx), trouble)
		case isAbsent(err):
			if absent.IsZero() {
				absent = time.Now()
			}
			if time.Since(absent) > settled {
				return err
			}
		case Temporary(err):
			absent = time.Time{}
		default:
			return err
		}
		trouble = err
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
}

// isAbsent recognises the answer of a broker without JetStream. One that has it
// gives the same while it stops or starts.
func isAbsent(err error) bool {
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrJetStreamNotEnabled)
}

// Temporary reports whether an error is temporary.
func Temporary(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrDisconnected) {
		return true
	}
	var api jetstream.JetStreamError
	if !errors.As(err, &api) || api.APIError() == nil {
		return false
	}
	switch api.APIError().ErrorCode {
	case clusterIncomplete, clusterNoPeers, clusterNotAvailable, streamOffline, consumerOffline, idInProcess, tooManyRequests:
		return true
	}
	return false
}
