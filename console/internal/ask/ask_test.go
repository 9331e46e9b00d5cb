package ask_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/brokertest"
)

// question asks for a stream.
func question(js jetstream.JetStream, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := js.Stream(ctx, name)
		return err
	}
}

func connect(t *testing.T, b *brokertest.Broker) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc := b.Connect()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return nc, js
}

func TestAnswersAreFinal(t *testing.T) {
	t.Parallel()
	nc, js := connect(t, brokertest.Start(t))
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "THERE"})
	require.NoError(t, err)
	require.NoError(t, ask.Patiently(t.Context(), nc, question(js, "THERE")))

	err = ask.Patiently(t.Context(), nc, question(js, "ELSEWHERE"))
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
	require.ErrorContains(t, err, "run setup")

	asked, mine := 0, errors.New("mine")
	err = ask.Patiently(t.Context(), nc, func(context.Context) error { asked++; return mine })
	require.ErrorIs(t, err, mine)
	require.Equal(t, 1, asked)
}

// Trouble that goes away by itself is waited for.
func TestPassingTrouble(t *testing.T) {
	t.Parallel()
	nc, _ := connect(t, brokertest.Start(t))
	for _, trouble := range []error{
		nats.ErrTimeout, nats.ErrDisconnected, nats.ErrNoResponders, context.DeadlineExceeded,
		&jetstream.APIError{Code: 503, ErrorCode: 10008, Description: "no leader"},
		&jetstream.APIError{Code: 400, ErrorCode: 10005, Description: "no suitable peers"},
		&jetstream.APIError{Code: 503, ErrorCode: 10004, Description: "incomplete results"},
		&jetstream.APIError{Code: 500, ErrorCode: 10118, Description: "stream is offline"},
		&jetstream.APIError{Code: 500, ErrorCode: 10119, Description: "consumer is offline"},
		&jetstream.APIError{Code: 429, ErrorCode: 10167, Description: "too many requests"},
		&jetstream.APIError{Code: 409, ErrorCode: 10158, Description: "duplicate message id is in process"},
	} {
		asked := 0
		err := ask.Patiently(t.Context(), nc, func(context.Context) error {
			if asked++; asked < 3 {
				return trouble
			}
			return nil
		})
		require.NoError(t, err, "after %v", trouble)
		require.Equal(t, 3, asked, "after %v", trouble)
	}
}

// When it does not go away in time, it is said.
func TestLastingTrouble(t *testing.T) {
	t.Parallel()
	nc, _ := connect(t, brokertest.Start(t))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := ask.Patiently(ctx, nc, func(context.Context) error { return nats.ErrTimeout })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, nats.ErrTimeout)

	err = ask.Patiently(ctx, nc, func(ctx context.Context) error { return ctx.Err() })
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// That nobody is there to answer is believed after a moment, without an end of
// the context.
func TestBrokerWithoutJetStream(t *testing.T) {
	t.Parallel()
	nc, js := connect(t, brokertest.Start(t, func(o *server.Options) { o.JetStream = false }))
	require.ErrorIs(t, ask.Patiently(t.Context(), nc, question(js, "X")), nats.ErrNoResponders)
}

func TestPatiently_WaitsDuringAnOutage(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	nc, js := connect(t, b)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "THERE"})
	require.NoError(t, err)
	b.Stop()
	require.Eventually(t, func() bool { return !nc.IsConnected() }, time.Minute, time.Millisecond)
	require.ErrorIs(t, ask.Once(t.Context(), nc, question(js, "THERE")), nats.ErrDisconnected)

	done := make(chan error, 1)
	go func() { done <- ask.Patiently(t.Context(), nc, question(js, "THERE")) }()
	b.Restart()
	require.NoError(t, <-done)

	// A question that the broker received, and did not live to answer.
	lost := true
	err = ask.Patiently(t.Context(), nc, func(ctx context.Context) error {
		if lost {
			lost = false
			b.Restart()
			<-ctx.Done() // the answer never comes
			return ctx.Err()
		}
		return question(js, "THERE")(ctx)
	})
	require.NoError(t, err)

	nc.Close()
	require.ErrorIs(t, ask.Once(t.Context(), nc, question(js, "THERE")), nats.ErrConnectionClosed)
	require.ErrorIs(t, ask.Patiently(t.Context(), nc, question(js, "THERE")), nats.ErrConnectionClosed)
}

// Who lacks a permission gets no answer; here it gets the permission's name,
// each time, and not for another question.
func TestMissingPermission(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{"$JS.API.STREAM.INFO.SECRET"}},
		}}}
	})
	nc := b.Connect(nats.UserInfo("u", "p"))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for range 2 {
		err = ask.Patiently(t.Context(), nc, question(js, "SECRET"))
		require.ErrorIs(t, err, nats.ErrPermissionViolation)
		require.ErrorContains(t, err, "$JS.API.STREAM.INFO.SECRET")
	}
	silence := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	require.ErrorIs(t, ask.Once(t.Context(), nc, silence), context.DeadlineExceeded)
}

func TestWhileAllowed(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{"secret"}},
		}}}
	})
	nc := b.Connect(nats.UserInfo("u", "p"))
	err := ask.WhileAllowed(t.Context(), nc, func(ctx context.Context) error {
		require.NoError(t, nc.Publish("allowed", nil))
		require.NoError(t, nc.Publish("secret", nil))
		<-ctx.Done()
		return ctx.Err()
	})
	require.ErrorIs(t, err, nats.ErrPermissionViolation)
	require.ErrorContains(t, err, "secret")

	mine := errors.New("mine")
	require.Equal(t, mine, ask.WhileAllowed(t.Context(), nc, func(context.Context) error { return mine }), "what was denied before does not count")
	require.NoError(t, ask.WhileAllowed(t.Context(), nc, func(context.Context) error { return nil }))
}

func TestPresent(t *testing.T) {
	t.Parallel()
	_, js := connect(t, brokertest.Start(t))
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "THERE"})
	require.NoError(t, err)
	require.NoError(t, ask.Present(t.Context(), js, "THERE"))
	err = ask.Present(t.Context(), js, "THERE", "ELSEWHERE")
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
	require.ErrorContains(t, err, "cannot find ELSEWHERE")
	require.ErrorContains(t, err, "run setup")
}
