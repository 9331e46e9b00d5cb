package ledger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/direct"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/retry"
)

const (
	// answerWithin is how long the broker may take to answer one read.
	answerWithin = 2 * time.Second
	// retryEvery is the pause before a failed read is repeated.
	retryEvery = 100 * time.Millisecond
)

// readError is the error of a read. It is publish.ErrUnavailable whatever its cause,
// even a permanent one such as a missing permission: no entry, and no message that led
// to the read, is at fault.
type readError struct {
	bucket string
	cause  error
}

func (e *readError) Error() string {
	return fmt.Sprintf("cannot read ledger %s: %v", e.bucket, e.cause)
}
func (e *readError) Unwrap() error        { return e.cause }
func (e *readError) Is(target error) bool { return target == publish.ErrUnavailable }

// begin returns an error if ctx has ended before anything was tried, for which the
// store is not to blame.
func (l *JetStream) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cannot use ledger %s: %w", l.bucket, err)
	}
	return nil
}

// repeat reads again until it succeeds, ctx ends, the connection is closed, or the
// error is permanent.
func (l *JetStream) repeat(ctx context.Context, read func() error) error {
	var last error // why the broker is unavailable
	var lasting retry.Problem
	for {
		err := nats.ErrDisconnected
		if l.conn.IsConnected() { // else requests would pile up in the client's buffer
			err = read()
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return &readError{l.bucket, ended(ctx, last)}
		case l.conn.IsClosed():
			return &readError{l.bucket, nats.ErrConnectionClosed}
		case isPermanent(err):
			return &readError{l.bucket, explain(err)}
		case !l.conn.IsConnected(): // which the connection's owner logs
			lasting.Over()
		case lasting.Due():
			l.log.Warn("cannot read yet; trying again", "error", explain(err))
		}
		last = err
		_ = retry.Wait(ctx, retryEvery) // what ended it is looked at next
	}
}

// ended returns the error for a ctx that ended before the broker answered, with
// the last problem, if there was one.
func ended(ctx context.Context, last error) error {
	if last == nil {
		return fmt.Errorf("%w: %w", publish.ErrUnavailable, ctx.Err())
	}
	return fmt.Errorf("%w: %w (%v)", publish.ErrUnavailable, ctx.Err(), explain(last)) //nolint:errorlint // only ctx's error may be found in it
}

// attempt sends one request to that subject and waits for the answer. The broker
// does not answer a client without the permission. It reports an error on the
// connection, which attempt then returns.
func (l *JetStream) attempt(ctx context.Context, subject string, request func(ctx context.Context) error) error {
	before := l.conn.LastError()
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	err := request(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	denied := l.conn.LastError()
	if errors.Is(denied, nats.ErrPermissionViolation) && denied != before && //nolint:errorlint // another one, not another kind
		strings.Contains(denied.Error(), `"`+subject+`"`) {
		return denied
	}
	return err
}

// isPermanent reports whether reading again cannot help.
func isPermanent(err error) bool {
	if errors.Is(err, direct.ErrRefused) || errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrPermissionViolation) {
		return true
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.Code == http.StatusBadRequest || api.Code == http.StatusForbidden)
}

// explain adds operator advice to an error.
func explain(err error) error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("the broker's max_payload is too small for the request: %w", err)
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("the ledger does not exist, or JetStream is not available: run setup: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer: the broker is busy or electing a leader: %w", err)
	}
	return err
}
