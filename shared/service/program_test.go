package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/service"
)

func TestExitCodeOfRun(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	for name, test := range map[string]struct {
		stop bool // tell it to
		err  error
		code int
	}{
		"all done":                  {false, nil, 0},
		"failed":                    {false, errors.New("no way"), 1},
		"cancelled, but not by us":  {false, context.Canceled, 1},
		"stopped":                   {true, nil, 0},
		"stopped, says its context": {true, fmt.Errorf("cannot go on: %w", context.Canceled), 0},
		"failed while stopping":     {true, errors.New("no way"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := boot(t, func(ctx context.Context, _ *service.Service) error {
				if test.stop {
					<-ctx.Done()
				}
				return test.err
			}, "--nats-url", b.URL())
			if test.stop {
				p.await("running")
				p.stop()
			}
			require.Equal(t, test.code, p.exit())
			if test.code == 0 {
				p.await("stopped; it took")
				return
			}
			p.await(`"level":"error"`, test.err.Error())
		})
	}
}

func TestRun_LogsVersionAndSettingsWithoutSecrets(t *testing.T) {
	t.Parallel()
	b, _ := users(t)
	p := boot(t, idle, "--nats-url", b.URL(), "--nats-user=worker", "--nats-password=s3cret", "--rate=2.5")
	line := p.await("starting")
	for _, want := range []string{`"version":"` + service.Release + `"`, `"commit":`, `"grace":"10s"`, `"rate":"2.5"`, `"nats-user":"worker"`, `"nats-password":"(secret)"`, b.URL()} {
		require.Contains(t, line, want)
	}
	p.await("running")
	p.stop()
	require.Zero(t, p.exit())
	require.NotContains(t, p.log.String(), "s3cret")
}

func TestRun_WithoutABrokerRetriesAndStopsAtOnce(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	url := b.URL()
	b.Stop()
	p := boot(t, idle, "--nats-url", url)
	p.await("still cannot reach NATS")
	p.stop()
	require.Zero(t, p.exit())
}

func TestRun_StoppedBeforeItsWorkBegins(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var o options
	log := &lines{}
	program := service.Program{Name: "tester", Options: &o, Run: func(context.Context, *service.Service) error {
		return errors.New("must not be called")
	}}
	require.Zero(t, program.Execute(ctx, []string{"--nats-url", blackHole(t)}, log, log), "%s", log)
}

func TestWhatWasPublishedLastStillLeaves(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	nc := b.Connect()
	sub, err := nc.SubscribeSync("last")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	const words = 1000
	p := boot(t, func(ctx context.Context, s *service.Service) error {
		<-ctx.Done()
		for range words {
			if err := s.Conn.Publish("last", make([]byte, 1024)); err != nil {
				return err
			}
		}
		return nil
	}, "--nats-url", b.URL())
	p.await("running")
	p.await("connected to NATS")

	p.stop()
	require.Zero(t, p.exit())
	for range words {
		_, err := sub.NextMsg(patience)
		require.NoError(t, err)
	}
}

func TestABrokerThatHangsDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	proxy := startProxy(t, brokertest.Start(t, core))
	answered := make(chan struct{})
	p := boot(t, func(ctx context.Context, s *service.Service) error {
		go func() { // fills the buffers of both sides, until a write hangs
			for s.Conn.Publish("much", make([]byte, 1<<19)) == nil {
			}
		}()
		go func() { // each call needs the lock that a hanging write holds
			for s.Conn.IsConnected() {
				answered <- struct{}{}
			}
		}()
		<-ctx.Done()
		return nil
	}, "--nats-url", proxy.url(), "--grace=1s")
	p.await("running")
	p.await("connected to NATS")

	proxy.hang()
	defer proxy.goOn()
	for hangs := false; !hangs; {
		select {
		case <-answered:
		case <-time.After(time.Second):
			hangs = true
		}
	}
	p.stop()
	require.Zero(t, p.exit())
	p.await("cannot flush")
}

// Whatever hangs, one deadline ends it: Run, the flush, and a request that never
// ends. Each of them alone would wait for longer than the test does.
func TestShutdown_EndsAtOneDeadlineWhateverHangs(t *testing.T) {
	t.Parallel()
	proxy := startProxy(t, brokertest.Start(t, core))
	never := make(chan struct{})
	defer close(never)
	p := boot(t, func(_ context.Context, s *service.Service) error {
		s.Registry.MustRegister(collector(func() { <-never }))
		go func() { // fills the buffers of both sides, until a write hangs
			for s.Conn.Publish("much", make([]byte, 1<<19)) == nil {
			}
		}()
		s.Log.Info().Msg("working")
		<-never
		return nil
	}, "--nats-url", proxy.url(), "--listen=127.0.0.1:0", "--grace=200ms")
	p.await("working")
	p.await("connected to NATS")
	url := p.url("/metrics")
	go func() { _, _ = get(t.Context(), url) }()
	proxy.hang()
	defer proxy.goOn()

	p.stop()
	require.Equal(t, 1, p.exit())
	p.await("failed", "graceful shutdown timed out after 200ms with work in progress")
	require.Len(t, p.log.with(`"level":"error"`), 1, "one clear line")
}

// collector hangs while it collects.
type collector func()

func (c collector) Describe(chan<- *prometheus.Desc) {}
func (c collector) Collect(chan<- prometheus.Metric) { c() }

// The broker closes a connection that breaks its protocol, and nats.go does not
// come back from that.
func TestAConnectionClosedForGoodEndsTheProgram(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	p := boot(t, func(ctx context.Context, s *service.Service) error {
		if err := s.Conn.Publish(strings.Repeat("x", 5000), nil); err != nil {
			return err
		}
		return idle(ctx, s)
	}, "--nats-url", b.URL())
	require.Equal(t, 1, p.exit())
	p.await("failed", "closed for good", "maximum control line exceeded")
	require.Empty(t, p.log.with("timed out"), "Run was told")
}
