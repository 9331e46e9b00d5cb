package queue

import (
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"decoupled.example/shared/publish"
)

// errNoReason takes the place of a reason that was not given.
var errNoReason = errors.New("no reason given")

// Retry returns an error that blames a dependency of the handler, not the message: a
// database restarts, an API is overloaded. The attempt is not counted, so it never
// makes a dead letter. The replica's consumption of the
// queue backs off: it tries one message at a time, with pauses that grow from
// 100 ms to Config.MaxPause, until one succeeds.
//
// Errors that unwrap to publish.ErrUnavailable need no Retry: they mean the same. The
// errors of this project's queues and ledgers do so during a broker outage.
func Retry(err error) error { return RetryAfter(err, 0) }

// RetryAfter is Retry with the shortest time until the next message is tried, for
// a dependency that says how long it will be unavailable.
func RetryAfter(err error, d time.Duration) error {
	if err = readable(err); err == nil {
		err = errNoReason
	}
	return &retryError{err: err, after: d}
}

// Reject returns an error for a message that can never succeed. The message becomes a
// dead letter at once, with err as its reason. Returned for a batch of several messages
// without a BatchError, it is about one of them.
func Reject(err error) error {
	if err = readable(err); err == nil {
		err = errNoReason
	}
	return &rejectError{err}
}

// BatchError names the messages of a batch that failed, by their index, with the
// error of each: a plain one, Retry or Reject. All others have succeeded and are
// acked. An empty BatchError means that all have.
//
// It may be wrapped with fmt.Errorf and %w. Joined with other errors it names nothing,
// since those may be about any message.
type BatchError map[int]error

// Error lists the first few failures.
func (e BatchError) Error() string {
	const most = 3
	var text []string
	indexes := slices.Sorted(maps.Keys(e))
	for _, i := range indexes[:min(len(indexes), most)] {
		text = append(text, fmt.Sprintf("message %d: %v", i, e[i]))
	}
	if len(indexes) > most {
		text = append(text, fmt.Sprintf("and %d more", len(indexes)-most))
	}
	return strings.Join(text, "; ")
}

type retryError struct {
	err   error
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

type rejectError struct{ err error }

func (e *rejectError) Error() string { return e.err.Error() }
func (e *rejectError) Unwrap() error { return e.err }

// untriedError is the error of a message that was not tried before the time of the
// call was used up.
type untriedError struct{ err error }

func (e *untriedError) Error() string { return e.err.Error() }
func (e *untriedError) Unwrap() error { return e.err }

func isUntried(err error) bool {
	_, untried := errors.AsType[*untriedError](err)
	return untried
}

// isRetry reports whether err blames a dependency.
func isRetry(err error) bool {
	_, retry := errors.AsType[*retryError](err)
	return retry || errors.Is(err, publish.ErrUnavailable)
}

func isReject(err error) bool {
	_, reject := errors.AsType[*rejectError](err)
	return reject
}

// retryAfter is the shortest pause that err asks for.
func retryAfter(err error) time.Duration {
	if retry, ok := errors.AsType[*retryError](err); ok {
		return retry.after
	}
	return 0
}

// batchError returns the BatchError that err is or wraps. One that was joined with
// other errors does not count. If the other error is, for example, that of a commit,
// acking the messages that the BatchError does not name would lose them.
func batchError(err error) (BatchError, bool) {
	for {
		switch e := err.(type) { //nolint:errorlint // errors.As looks into joined errors
		case BatchError:
			return e, true
		case *retryError, *rejectError: // about the whole batch
			return nil, false
		case interface{ Unwrap() []error }:
			joined := e.Unwrap()
			if len(joined) != 1 {
				return nil, false
			}
			err = joined[0]
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		default:
			return nil, false
		}
	}
}

// named returns the errors that err has for each of n messages, and whether it names
// messages. An error with an index out of range names nothing: it is about another
// batch.
func named(err error, n int) (BatchError, bool) {
	failed, ok := batchError(err)
	if !ok {
		return nil, false
	}
	failed = maps.Clone(failed)
	for i, err := range failed {
		switch {
		case err == nil:
			delete(failed, i)
		case i < 0 || i >= n:
			return nil, false
		default:
			failed[i] = readable(err)
		}
	}
	return failed, true
}

// readable returns err, or what its Error method panics with: an interface that
// holds a nil pointer is an error, too, and must not end the process.
func readable(err error) error {
	if err == nil {
		return nil
	}
	if panicked := recovered(func() error { _ = err.Error(); return nil }); panicked != nil {
		return panicked
	}
	return err
}

// panicError is the error that a panic is turned into.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// recovered calls f and returns a panic as an error.
func recovered(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	return f()
}
