package baseline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ports"
)

const host = "127.0.0.1"

// callWithin is how long a caller waits.
const callWithin = 2 * time.Second

// Servers are HTTP servers that make strings, and the client that calls them in turn.
// Call may be used concurrently.
type Servers struct {
	work    time.Duration
	servers []*server
	client  *http.Client
	turn    atomic.Uint64
}

// server is one of them. It keeps its address while it is down.
type server struct {
	address string
	http    *http.Server
}

// StartServers starts n servers on the loopback interface. A string takes them
// that long to make.
func StartServers(n int, work time.Duration) (*Servers, error) {
	free, err := ports.Free(host, n)
	if err != nil {
		return nil, fmt.Errorf("cannot start HTTP servers: %w", err)
	}
	s := &Servers{work: work, client: &http.Client{Timeout: callWithin}}
	for _, port := range free {
		s.servers = append(s.servers, &server{address: net.JoinHostPort(host, strconv.Itoa(port))})
	}
	return s, s.Restart()
}

func (s *Servers) serve(one *server) error {
	listener, err := net.Listen("tcp", one.address)
	if err != nil {
		return fmt.Errorf("cannot start an HTTP server: %w", err)
	}
	one.http = &http.Server{Handler: http.HandlerFunc(s.answer), ReadHeaderTimeout: callWithin}
	go func() { _ = one.http.Serve(listener) }() // returns when it is closed
	return nil
}

func (s *Servers) answer(w http.ResponseWriter, r *http.Request) {
	timer := time.NewTimer(s.work)
	defer timer.Stop()
	select {
	case <-timer.C:
		_, _ = io.WriteString(w, contract.NewString()) // who has hung up does not want it
	case <-r.Context().Done():
	}
}

// Stop cuts all servers off, with calls in progress.
func (s *Servers) Stop() error {
	var failed error
	for _, one := range s.servers {
		if one.http != nil {
			failed = errors.Join(failed, one.http.Close())
		}
	}
	return failed
}

// Restart starts the stopped servers again where they were.
func (s *Servers) Restart() error {
	for _, one := range s.servers {
		if err := s.serve(one); err != nil {
			return errors.Join(err, s.Stop())
		}
	}
	return nil
}

// Call asks the server whose turn it is for a string.
func (s *Servers) Call(ctx context.Context) error {
	one := s.servers[s.turn.Add(1)%uint64(len(s.servers))]
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+one.address, nil)
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && len(text) != contract.StringLength {
		err = fmt.Errorf("%s: %d bytes", response.Status, len(text))
	}
	return err
}
