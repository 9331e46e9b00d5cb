package setup

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// remedies are advice for the operator about a refusal, by the code of the server.
var remedies = map[jetstream.ErrorCode]string{
	10002: "the account has no room for the queues' limits: give it more, or the queues a smaller limit",
	10005: "the cluster has too few nodes, or they have no room: it takes as many as there are replicas",
	10023: "the broker has no room for the queues' limits: give it more, or the queues a smaller limit",
	10026: "the queue or the account may have no more consumers",
	10027: "the account may have no more streams",
	10047: "the broker's storage is too small for the queues' limits: give it more, or the queues a smaller limit",
	10065: "another stream takes messages of its subjects: look for it with `nats stream ls --all`",
	10074: "the broker is not a cluster: it can have 1 replica only",
	10099: "the queue has another consumer already: look for it with `nats consumer ls`",
	10100: "the queue has another consumer already: look for it with `nats consumer ls`",
	10122: "the account allows no stream as large as the queues' limits: allow more, or give the queues a smaller limit",
}

func explain(err error) error {
	var api jetstream.JetStreamError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrPermissionViolation):
		return fmt.Errorf("a permission is missing: %w", err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("JetStream is not enabled for this account: %w", err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("JetStream is not enabled at the broker: %w", err)
	case errors.As(err, &api) && api.APIError() != nil:
		if remedy, ok := remedies[api.APIError().ErrorCode]; ok {
			return fmt.Errorf("%s: %w", remedy, err)
		}
	}
	return err
}
