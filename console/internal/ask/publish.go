package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrDuplicate is the error for a message that was not stored because another one
// has its message ID.
var ErrDuplicate = errors.New("the stream holds another message with this message ID")

// Publish publishes a message to a stream, and retries like Patiently. Unlike a service it
// does not wait for a stream that is missing or full, because the operator has to repair
// that. It adds no header. When a confirmation is lost it publishes again, and the message
// is stored twice, unless it has a message ID.
//
// A confirmation by another stream, whose subjects overlap, is an error.
func Publish(ctx context.Context, js jetstream.JetStream, stream string, m *nats.Msg) error {
	attempts := 0
	return Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		attempts++
		ack, err := js.PublishMsg(ctx, m)
		switch {
		case err == nil && ack.Stream != stream:
			return fmt.Errorf("stream %s took the message, not %s: their subjects overlap", ack.Stream, stream)
		case err == nil && ack.Duplicate && attempts == 1: // else it may be ours
			return fmt.Errorf("%w: %.80q", ErrDuplicate, m.Header.Get(jetstream.MsgIDHeader))
		case !errors.Is(err, jetstream.ErrNoStreamResponse):
			return err
		}
		// Nobody takes it: no stream does, or it is electing its leader, or the
		// leader has only just begun and not all nodes know.
		s, found := js.Stream(ctx, stream)
		switch {
		case errors.Is(found, jetstream.ErrStreamNotFound):
			return err
		case found != nil:
			return found
		case !slices.Contains(s.CachedInfo().Config.Subjects, m.Subject):
			return err
		}
		return fmt.Errorf("%w: no stream takes messages for %s yet", nats.ErrTimeout, stream)
	})
}
