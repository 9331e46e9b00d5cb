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

// hangUpWithin bounds how long a shutdown waits for a scrape in progress.
const hangUpWithin = time.Second

// health answers whether the process lives (/livez), whether it can work
// (/readyz), and with its metrics (/metrics).
//
// The two questions are kept apart because their answers have different
// consequences: what does not live is restarted, what is not ready only gets no
// traffic. A broker that is away must therefore never show in /livez: it would
// have every service restarted in the middle of the outage.
type health struct {
	mu     sync.Mutex
	checks []func() error
}

// add registers a check: not nil means not ready, and says why.
func (h *health) add(check func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, check)
}

// ready is the answer of the first check that objects.
func (h *health) ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, check := range h.checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (h *health) handler(metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "alive\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := h.ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}

// serveHealth serves until stop is called. Without an address it does nothing.
func serveHealth(ctx context.Context, log zerolog.Logger, address string, handler http.Handler) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
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
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangUpWithin)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // what is still open is not worth waiting for
		}
	}, nil
}
