package service_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/service"
)

func TestCheckBroker_RefusesAnOldBrokerWithTheReason(t *testing.T) {
	t.Parallel()
	for version, missing := range map[string][]string{
		"1.4.1":             {"pausing", "atomic batches", "resetting"},
		"2.10.29":           {"nats-server 2.10.29", "pausing a queue needs 2.11", "publishing in atomic batches needs 2.12", "resetting a consumer needs 2.14", "upgrade it to 2.14 or newer"},
		"2.12.1":            {"resetting a consumer needs 2.14"},
		"2.13.0-RC.1":       {"nats-server 2.13.0-RC.1", "resetting a consumer needs 2.14"},
		"2.14.0":            nil,
		"2.14.0-preview.1":  nil,
		"2.15.3":            nil,
		"3.0.0":             nil,
		"v2.11.0":           {"publishing in atomic batches"},
		"made by ourselves": nil,
	} {
		url := brokertest.StartVersion(t, "127.0.0.1:0", version)
		_, err := service.Connect(t.Context(), service.NewLog(&lines{}, service.Logging{}, "tester"), service.Broker{URL: url}, "tester")
		if missing == nil {
			require.NoError(t, err, version)
			continue
		}
		require.ErrorContains(t, err, url, version)
		for _, words := range missing {
			require.ErrorContains(t, err, words, version)
		}
		if version == "2.12.1" {
			require.NotContains(t, err.Error(), "2.11", "what it has is not named")
		}
	}
}

func TestTooOldABrokerEndsTheProgramBeforeItsWorkBegins(t *testing.T) {
	t.Parallel()
	p := boot(t, func(context.Context, *service.Service) error {
		panic("must not be called")
	}, "--nats-url", brokertest.StartVersion(t, "127.0.0.1:0", "2.10.29"))
	require.Equal(t, 1, p.exit())
	require.Len(t, p.log.with(`"level":"error"`), 1, "one clear line")
	p.await("failed", "nats-server 2.10.29", "needs 2.14")
}

// A broker that is replaced by an older one while the program runs, or that comes
// up as one after the program, ends it too.
func TestReplacedByABrokerThatIsTooOld(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	p := boot(t, idle, "--nats-url", b.URL())
	p.await("running")
	p.await("connected to NATS")
	address := strings.TrimPrefix(b.URL(), "nats://")
	b.Stop()
	brokertest.StartVersion(t, address, "2.10.29")
	require.Equal(t, 1, p.exit())
	p.await("failed", "nats-server 2.10.29", "needs 2.14")
}

func TestCheckBroker_AcceptsAMissingConnection(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	nc := b.Connect()
	require.NoError(t, service.CheckBroker(nc), "the one that the tests use")
	nc.Close()
	require.NoError(t, service.CheckBroker(nc))
}
