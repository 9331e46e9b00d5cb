package service_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/service"
)

func TestReadyFollowsTheBrokerAndLiveDoesNot(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	url := b.URL()
	b.Stop()
	p := boot(t, idle, "--nats-url", url, "--listen=127.0.0.1:0")

	status, body := p.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "not ready: not connected to NATS\n", body)

	b.Restart()
	p.awaitStatus("/readyz", http.StatusOK)
	b.Stop()
	p.awaitStatus("/readyz", http.StatusServiceUnavailable)
	status, _ = p.get("/livez")
	require.Equal(t, http.StatusOK, status)
	b.Restart()
	p.awaitStatus("/readyz", http.StatusOK)
}

func TestReadyWhen_DecidesReadiness(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	var full atomic.Bool
	full.Store(true)
	p := boot(t, func(ctx context.Context, s *service.Service) error {
		s.ReadyWhen(func() error {
			if full.Load() {
				return errors.New("the disk is full")
			}
			return nil
		})
		s.Log.Info().Msg("working")
		return idle(ctx, s)
	}, "--nats-url", b.URL(), "--listen=127.0.0.1:0")
	p.await("working")
	p.await("connected to NATS")

	status, body := p.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "the disk is full")
	full.Store(false)
	p.awaitStatus("/readyz", http.StatusOK)
}

func TestLiveWhen_FailsLivezAloneWithItsReason(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	var stuck atomic.Bool
	p := boot(t, func(ctx context.Context, s *service.Service) error {
		s.LiveWhen(func() error { return nil })
		s.LiveWhen(func() error {
			if stuck.Load() {
				return errors.New("a handler of REQUESTS never returned")
			}
			return nil
		})
		s.Log.Info().Msg("working")
		return idle(ctx, s)
	}, "--nats-url", b.URL(), "--listen=127.0.0.1:0")
	p.await("working")
	p.awaitStatus("/readyz", http.StatusOK)
	status, body := p.get("/livez")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "alive\n", body)

	stuck.Store(true)
	status, body = p.get("/livez")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "not alive: a handler of REQUESTS never returned\n", body)
	status, _ = p.get("/readyz")
	require.Equal(t, http.StatusOK, status, "whether it can work is another question")

	stuck.Store(false)
	b.Stop()
	p.awaitStatus("/readyz", http.StatusServiceUnavailable)
	status, _ = p.get("/livez")
	require.Equal(t, http.StatusOK, status, "a broker outage restarts nothing")
}

func TestNotReadyWhileStopping(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	finish := make(chan struct{})
	p := boot(t, func(context.Context, *service.Service) error {
		<-finish // work in hand
		return nil
	}, "--nats-url", b.URL(), "--listen=127.0.0.1:0")
	p.await("running")
	p.awaitStatus("/readyz", http.StatusOK)

	p.stop()
	p.awaitStatus("/readyz", http.StatusServiceUnavailable)
	_, body := p.get("/readyz")
	require.Contains(t, body, "stopping")
	close(finish)
	require.Zero(t, p.exit())
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	registries := make(chan *prometheus.Registry, 1)
	p := boot(t, func(ctx context.Context, s *service.Service) error {
		made := prometheus.NewCounter(prometheus.CounterOpts{Name: "tester_made_total", Help: "Things made."})
		s.Registry.MustRegister(made)
		made.Add(7)
		registries <- s.Registry
		return idle(ctx, s)
	}, "--nats-url", b.URL(), "--listen=127.0.0.1:0")
	registry := <-registries

	status, body := p.get("/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "tester_made_total 7\n")
	require.Contains(t, body, "go_goroutines")
	require.Contains(t, body, "process_start_time_seconds")

	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestAnAddressInUseIsAnError(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	first := boot(t, idle, "--nats-url", b.URL(), "--listen=127.0.0.1:0")
	address := strings.TrimPrefix(first.url(""), "http://")

	second := boot(t, idle, "--nats-url", b.URL(), "--listen", address)
	require.Equal(t, 1, second.exit())
	second.await("failed", "cannot serve health and metrics", address, "address already in use")
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	p := boot(t, idle, "--nats-url", b.URL(), "--listen=:0")
	_, port, _ := strings.Cut(strings.TrimPrefix(p.url(""), "http://[::]"), ":")
	check := func() (code int, stderr string) {
		code, _, stderr = execute(t, "healthcheck", "--listen", ":"+port)
		return code, stderr
	}
	require.Eventually(t, func() bool { code, _ := check(); return code == 0 }, patience, tick)

	b.Stop()
	require.Eventually(t, func() bool { code, _ := check(); return code == 1 }, patience, tick)
	_, stderr := check()
	require.Equal(t, "not ready: not connected to NATS\n", stderr)

	p.stop()
	require.Zero(t, p.exit())
	code, stderr := check()
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "cannot check health")

	code, _, stderr = execute(t, "healthcheck")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "LISTEN")
}
