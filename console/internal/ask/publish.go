package ask

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Publish publishes a message to a stream, as patiently as Patiently. It may do so
// more than once: the message needs an ID that the stream deduplicates by.
func Publish(ctx context.Context, js jetstream.JetStream, stream string, m *nats.Msg) error {
	return Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		_, err := js.PublishMsg(ctx, m, jetstream.WithExpectStream(stream))
		if !errors.Is(err, jetstream.ErrNoStreamResponse) {
			return err
		}
		// Nobody takes it: there is no such stream, or it is electing its leader.
		switch _, found := js.Stream(ctx, stream); {
		case found == nil: // by now it may be elected
			return fmt.Errorf("%w: %w", nats.ErrNoResponders, err)
		case errors.Is(found, jetstream.ErrStreamNotFound):
			return err
		default:
			return found
		}
	})
}
