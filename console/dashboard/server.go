package dashboard

import (
	"context"
	"embed"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/dashboard/view"
	"decoupled.example/console/trace"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

//go:embed assets
var assets embed.FS

const (
	// readWithin is how long a request may take to arrive, and idleWithin how long
	// a connection may wait for the next.
	readWithin = 10 * time.Second
	idleWithin = 2 * time.Minute
	// traceWithin is how long looking up one request may take.
	traceWithin = 10 * time.Second
	// leaveWithin is how long requests may take to end when the server stops.
	leaveWithin = 2 * time.Second
)

// policy lets the page load what the server embeds, and nothing else: no code
// and no style that is in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Options are the settings of a dashboard.
type Options struct {
	Broker   string // where the broker is, as it is shown
	ReadOnly bool   // no actions

	// AllowedHosts are the host names that requests may come by, besides localhost
	// and every IP address.
	AllowedHosts []string

	Fleets Fleets // nil: services cannot be scaled from here
}

// Server is a dashboard.
type Server struct {
	js       jetstream.JetStream
	topology *topology.Topology
	options  Options
	board    *board
	log      zerolog.Logger
	scaling  sync.Mutex
	acting   sync.RWMutex // read by each action, so that Serve can wait for all of them
}

// New returns a dashboard of the deployment that the topology is of. Its
// connection, the same as that of js, stays the caller's to close.
func New(js jetstream.JetStream, t *topology.Topology, o Options, log zerolog.Logger) *Server {
	shown := view.Options{Broker: o.Broker, ReadOnly: o.ReadOnly, Fleets: o.Fleets != nil}
	return &Server{js: js, topology: t, options: o, board: newBoard(shown, log), log: log}
}

// Serve asks the broker once a second and serves on the listener until ctx ends,
// then closes it and returns nil. No action goes on after that.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		feed.New(s.js).Run(ctx, s.board.show)
	}()
	server := &http.Server{
		Handler:     s.handler(ctx),
		ReadTimeout: readWithin,
		IdleTimeout: idleWithin,
		BaseContext: func(net.Listener) context.Context { return ctx }, // so that streams end with it
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		<-ctx.Done()
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
		defer cancel()
		if server.Shutdown(within) != nil {
			_ = server.Close() // what is left are streams that nobody reads
		}
	}()
	err := server.Serve(listener)
	cancel()
	<-left
	<-fed
	s.acting.Lock() // an action may take longer than its connection
	defer s.acting.Unlock()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// handler serves until ctx ends.
func (s *Server) handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /events", s.stream)
	mux.HandleFunc("GET /request/{id}", s.life)
	mux.Handle("GET /assets/", http.FileServerFS(assets))
	s.actions(ctx, mux)
	all := http.NewServeMux()
	all.Handle("/", onlyHosts(s.options.AllowedHosts, http.NewCrossOriginProtection().Handler(mux)))
	// A health check may come by any name: it can do nothing.
	all.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return withHeaders(all)
}

func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	window, ok := windowOf(r)
	if !ok {
		http.Error(w, "there is no such window", http.StatusBadRequest)
		return
	}
	shown, _ := s.board.rendered.get()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := view.Page(w, shown.fragments, window, s.board.options); err != nil {
		s.log.Debug().Err(err).Msg("cannot send the page") // who asked has left
	}
}

func (s *Server) life(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), traceWithin)
	defer cancel()
	id := r.PathValue("id")
	life, failed := trace.Request(ctx, s.js, s.topology, id)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	switch {
	case errors.Is(failed, trace.ErrUnknown), errors.Is(failed, contract.ErrInvalid):
		w.WriteHeader(http.StatusNotFound)
	case failed != nil:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if err := view.Life(w, id, life, failed); err != nil {
		s.log.Debug().Err(err).Msg("cannot send the page") // who asked has left
	}
}
