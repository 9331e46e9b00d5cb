package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
)

// health serves /livez (is the process alive?), /readyz (can it work?) and /metrics.
//
// The two questions are kept apart because an orchestrator restarts a process
// that does not live, and only withholds traffic from one that is not ready. A
// broker outage must therefore never fail /livez: it would restart every service
// in the middle of the outage.
type health struct {
	live, ready checks
}

// checks are asked one after the other until one objects. They are safe for
// concurrent use.
type checks struct {
	mu  sync.Mutex
	all []func() error
}

func (c *checks) add(check func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, check)
}

// objection returns the first error of a check, or nil.
func (c *checks) objection() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, check := range c.all {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (h *health) handler(metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", answer(&h.live, "alive"))
	mux.HandleFunc("GET /readyz", answer(&h.ready, "ready"))
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}

// answer responds with the state, or with status 503 and the reason.
func answer(c *checks, state string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := c.objection(); err != nil {
			http.Error(w, "not "+state+": "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, state+"\n")
	}
}

// serveHealth serves until stop is called, which waits until its deadline for
// requests in progress. Without an address it does nothing.
func serveHealth(ctx context.Context, log zerolog.Logger, address string, handler http.Handler) (stop func(deadline time.Time), err error) {
	if address == "" {
		return func(time.Time) {}, nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot serve health and metrics: %w", err)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          stdlog.New(log, "", 0), // where a panicking check shows
	}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error().Err(err).Msg("health and metrics are no longer served")
		}
	}()
	log.Info().Msgf("health and metrics are served at http://%s", listener.Addr())
	return func(deadline time.Time) {
		ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // what is still open is not worth waiting for
		}
	}, nil
}
