package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/publish"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// order is what the examples have in their queue.
type order struct{ ID, Text string }

// orders is its codec.
type orders struct{}

func (orders) ID(o order) string { return o.ID }

func (orders) Encode(o order) (map[string][]string, []byte, error) {
	return nil, []byte(o.ID + " " + o.Text), nil
}

func (orders) Decode(_ map[string][]string, body []byte) (o order, err error) {
	_, err = fmt.Sscan(string(body), &o.ID, &o.Text)
	return o, err
}

// consume publishes orders to a queue on a broker of its own, passes them to the
// handler until the queue is empty, and prints the dead letters.
func consumeOrders(change func(*queue.Config), handle queue.Handler[order], texts ...string) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	folder := must(os.MkdirTemp("", "queue"))
	defer func() { _ = os.RemoveAll(folder) }()
	broker := must(server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: folder, NoLog: true, NoSigs: true}))
	broker.Start()
	defer broker.Shutdown()
	if !broker.ReadyForConnections(time.Minute) {
		panic("the broker did not start")
	}
	conn := must(nats.Connect(broker.ClientURL()))
	defer conn.Close()
	js := must(jetstream.New(conn))
	for _, s := range must(topology.Streams(topology.Settings{})) {
		must(js.CreateStream(ctx, s))
	}
	for _, c := range must(topology.Consumers(topology.Settings{AckWait: time.Second})) {
		must(js.CreateConsumer(ctx, c.Stream, c.ConsumerConfig))
	}

	client := must(queue.NewClient(conn, must(publish.New(conn, slog.New(slog.DiscardHandler))), slog.New(slog.DiscardHandler), time.Second))
	config := queue.Config{
		Stream: topology.Requests, Subject: topology.SubjectRequest, Consumer: topology.Generator,
		DeadLetterStream: topology.DeadLetters, DeadLetterSubject: "dead.REQUESTS", AttemptBucket: topology.Attempts,
		Backoff: 10 * time.Millisecond, MaxBackoff: 20 * time.Millisecond, Concurrency: 1,
	}
	if change != nil {
		change(&config)
	}
	q := queue.New(client, config, orders{})
	for i, text := range texts {
		if err := q.Publish(ctx, order{ID: fmt.Sprint(i + 1), Text: text}); err != nil {
			panic(err)
		}
	}
	consuming, finish := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- q.Consume(consuming, handle) }()
	for must(js.Stream(ctx, topology.Requests)).CachedInfo().State.Msgs > 0 {
		<-time.After(5 * time.Millisecond)
	}
	finish()
	if err := <-done; err != nil {
		panic(err)
	}
	dead := must(js.Stream(ctx, topology.DeadLetters))
	for sequence := range dead.CachedInfo().State.LastSeq {
		letter := must(dead.GetMsg(ctx, sequence+1))
		fmt.Printf("dead letter: %s: %s (attempts: %s)\n", letter.Data, letter.Header.Get(queue.DeadLetterReason), letter.Header.Get(queue.DeadLetterAttempts))
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A plain error counts as a failed attempt. The message is tried again, and
// becomes a dead letter when no attempt is left.
func ExampleHandler() {
	handle := func(_ context.Context, batch []queue.Message[order]) error {
		for _, m := range batch {
			if m.Body.Text == "anvil" {
				return errors.New("too heavy")
			}
		}
		return nil
	}
	consumeOrders(nil, handle, "feather", "anvil", "pillow")
	// Output:
	// dead letter: 2 anvil: too heavy (attempts: 5)
}

// A database that restarts fails no message.
func ExampleRetry() {
	var calls atomic.Int64
	handle := func(context.Context, []queue.Message[order]) error {
		if calls.Add(1) <= 3 {
			return queue.Retry(errors.New("database: connection refused"))
		}
		return nil
	}
	consumeOrders(nil, handle, "feather")
	fmt.Println("handled with call", calls.Load())
	// Output:
	// handled with call 4
}

// An API says for how long it is overloaded.
func ExampleRetryAfter() {
	var calls atomic.Int64
	var limited time.Time
	handle := func(context.Context, []queue.Message[order]) error {
		if calls.Add(1) == 1 {
			limited = time.Now()
			return queue.RetryAfter(errors.New("too many requests"), 300*time.Millisecond)
		}
		return nil
	}
	consumeOrders(nil, handle, "feather")
	fmt.Println("calls:", calls.Load())
	fmt.Println("waited:", time.Since(limited) >= 300*time.Millisecond)
	// Output:
	// calls: 2
	// waited: true
}

// A message that can never succeed is not tried again.
func ExampleReject() {
	handle := queue.Each(func(_ context.Context, m queue.Message[order]) error {
		if m.Body.Text == "unicorn" {
			return queue.Reject(errors.New("no such article"))
		}
		return nil
	})
	consumeOrders(nil, handle, "feather", "unicorn")
	// Output:
	// dead letter: 2 unicorn: no such article (attempts: 0)
}

// A handler that processes a batch at once can say which of its messages failed.
// The others are acked.
func ExampleBatchError() {
	handle := func(_ context.Context, batch []queue.Message[order]) error {
		failed := make(queue.BatchError)
		for i, m := range batch {
			if m.Body.Text == "anvil" {
				failed[i] = errors.New("too heavy")
			}
		}
		return failed // empty if all succeeded
	}
	consumeOrders(nil, handle, "feather", "anvil", "pillow")
	// Output:
	// dead letter: 2 anvil: too heavy (attempts: 5)
}

// Each adapts a handler of one message.
func ExampleEach() {
	handle := queue.Each(func(_ context.Context, m queue.Message[order]) error {
		fmt.Println("handled", m.Body.Text)
		return nil
	})
	consumeOrders(nil, handle, "feather", "pillow")
	// Output:
	// handled feather
	// handled pillow
}

// Concurrency is the number of handler calls that a process makes at a time.
func ExampleConfig_concurrency() {
	var running, most atomic.Int64
	handle := func(context.Context, []queue.Message[order]) error {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		<-time.After(20 * time.Millisecond)
		return nil
	}
	consumeOrders(func(c *queue.Config) { c.Concurrency = 1 }, handle, slices.Repeat([]string{"feather"}, 10)...)
	fmt.Println("calls at a time:", most.Load())
	// Output:
	// calls at a time: 1
}

// A handler that does not return in time loses its messages: here to its own next
// call, in a service with several replicas mostly to another one.
func ExampleConfig_handlerTimeout() {
	var calls atomic.Int64
	hung := make(chan struct{})
	handle := func(context.Context, []queue.Message[order]) error {
		if calls.Add(1) == 1 {
			<-hung // for ever
		}
		return nil
	}
	consumeOrders(func(c *queue.Config) { c.HandlerTimeout = 200 * time.Millisecond }, handle, "feather")
	fmt.Println("handled with call", calls.Load())
	// Output:
	// handled with call 2
}
