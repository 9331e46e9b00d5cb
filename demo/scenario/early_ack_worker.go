package scenario

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/demo/stage"
)

const (
	batch   = 50                     // how many messages the worker fetches at once
	perWork = 4 * time.Millisecond   // what one takes
	linger  = 300 * time.Millisecond // how long it waits for a batch to fill
)

// worker is a consumer as one writes it first. It is wrong on purpose if early.
type worker struct {
	name  string // of its stream and its bucket
	early bool
	idle  atomic.Bool // it has found nothing to do
}

func (w *worker) subject() string { return "early-ack." + w.name }

func (w *worker) setUp(ctx context.Context, js jetstream.JetStream) error {
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: w.name, Subjects: []string{w.subject()}, Retention: jetstream.WorkQueuePolicy})
	if err != nil {
		return fmt.Errorf("cannot make stream %s: %w", w.name, err)
	}
	_, err = js.CreateConsumer(ctx, w.name, jetstream.ConsumerConfig{Durable: "worker", AckWait: ackWait, MaxAckPending: -1})
	if err != nil {
		return fmt.Errorf("cannot make the consumer of %s: %w", w.name, err)
	}
	_, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: w.name})
	if err != nil {
		return fmt.Errorf("cannot make bucket %s: %w", w.name, err)
	}
	return nil
}

// remove removes what setUp has made.
func (w *worker) remove(js jetstream.JetStream) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = js.DeleteStream(ctx, w.name) // it may not have been made
	_ = js.DeleteKeyValue(ctx, w.name)
}

// run works until the connection is closed.
func (w *worker) run(nc *nats.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	nc.SetClosedHandler(func(*nats.Conn) { cancel() })
	js, err := jetstream.New(nc)
	if err != nil {
		return
	}
	consumer, err := js.Consumer(ctx, w.name, "worker")
	if err != nil {
		return
	}
	effects, err := js.KeyValue(ctx, w.name)
	if err != nil {
		return
	}
	for !nc.IsClosed() {
		fetched, err := consumer.Fetch(batch, jetstream.FetchMaxWait(linger))
		if err != nil {
			return
		}
		var hand []jetstream.Msg
		for m := range fetched.Messages() {
			if w.early {
				_ = m.Ack() // this is the mistake
			}
			hand = append(hand, m)
		}
		w.idle.Store(len(hand) == 0)
		for _, m := range hand {
			if w.work(ctx, effects, m) != nil {
				return
			}
			if !w.early {
				_ = m.Ack() // if this is lost, the message comes again
			}
		}
	}
}

// work is what a message is about: an entry under its number, the same each time.
func (w *worker) work(ctx context.Context, effects jetstream.KeyValue, m jetstream.Msg) error {
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	timer := time.NewTimer(perWork)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err = effects.Put(ctx, strconv.FormatUint(meta.Sequence.Stream, 10), nil)
	return err
}

// left is what the queue says is unfinished.
func (w *worker) left(s *stage.Stage) int { return messages(s, w.name, false) }

// done is how many messages had their effect.
func (w *worker) done(s *stage.Stage) int { return messages(s, "KV_"+w.name, true) }

func messages(s *stage.Stage, stream string, distinct bool) int {
	found, err := s.Operator().JS.Stream(s.Context(), stream)
	s.Must(err)
	if distinct {
		return int(found.CachedInfo().State.NumSubjects)
	}
	return int(found.CachedInfo().State.Msgs)
}
