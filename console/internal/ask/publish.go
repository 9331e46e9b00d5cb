package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Publish publishes a message to a stream, as patiently as Patiently. Unlike a
// service it does not wait for a stream that is missing, or full: that is for the
// operator to mend. It may publish more than once, so the message needs an ID that
// the stream deduplicates by.
func Publish(ctx context.Context, js jetstream.JetStream, stream string, m *nats.Msg) error {
	return Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		_, err := js.PublishMsg(ctx, m, jetstream.WithExpectStream(stream))
		if !errors.Is(err, jetstream.ErrNoStreamResponse) {
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
		return fmt.Errorf("%w: nobody takes messages for %s yet", nats.ErrTimeout, stream)
	})
}
