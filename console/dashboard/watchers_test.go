package dashboard_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/dashboard"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// What a hundred browsers cost the broker is what one does, question by question.
func TestHoweverManyWatchTheBrokerIsAskedOnce(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	address := serve(t, b, dashboard.Options{})
	asked := make(chan *nats.Msg, 100_000)
	_, err := b.Broker.Connect().ChanSubscribe(">", asked)
	require.NoError(t, err)
	first := service.StatusSubject(topology.Requestor) // of each round
	second := service.StatusSubject(topology.Generator)
	// round returns the questions of the next whole round.
	round := func() (questions []string) {
		t.Helper()
		ctx := b.Context()
		for begun := false; ; {
			select {
			case m := <-asked:
				if m.Subject == first && begun {
					return questions
				}
				begun = begun || m.Subject == first
				if begun && (m.Subject == first || m.Subject == second || strings.HasPrefix(m.Subject, "$JS.API.")) {
					questions = append(questions, m.Subject)
				}
			case <-ctx.Done():
				require.Fail(t, "the broker is asked no more")
			}
		}
	}
	join := func() {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/events", http.NoBody)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request) // it is sent the first events
		require.NoError(t, err)
		t.Cleanup(func() { cancel(); answer.Body.Close() })
	}
	join()
	alone := round()
	require.Len(t, alone, 13)
	for range 99 {
		join()
	}
	for len(asked) > 0 { // of while they came
		<-asked
	}
	for range 3 {
		require.Equal(t, alone, round())
	}
}

// pipes are connections that hold nothing: who writes waits for who reads.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	close  sync.Once
}

func newPipes() *pipes { return &pipes{accept: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.accept <- theirs
	return ours, nil
}

// Browsers that read nothing hold up neither those who read nor who acts.
func TestStream_ASlowBrowserDelaysNoOther(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	listener := newPipes()
	serveOn(t, b, listener, dashboard.Options{})
	for range 20 {
		slow, err := listener.dial(t.Context(), "", "")
		require.NoError(t, err)
		t.Cleanup(func() { slow.Close() })
		require.NoError(t, slow.SetDeadline(time.Now().Add(patience)))
		_, err = slow.Write([]byte("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"))
		require.NoError(t, err)
		_, err = slow.Read(make([]byte, 1)) // the stream has begun
		require.NoError(t, err)
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: listener.dial}}
	t.Cleanup(client.CloseIdleConnections)
	rounds := 0
	watchWith(t, client, "http://localhost", "", func(f fragment) bool {
		if f.ID == "state" {
			if rounds++; rounds == 3 {
				answer, err := client.PostForm("http://localhost/send", url.Values{"n": {"7"}})
				require.NoError(t, err)
				answer.Body.Close()
			}
		}
		return f.ID == "note" && strings.Contains(f.HTML, "sent 7 requests")
	})
}
