package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// atOnce is how many single reads are under way together.
const atOnce = 32

// errIncomplete: the broker stopped answering in the middle.
var errIncomplete = errors.New("the answer is incomplete")

// lookUp returns those of the entries that exist.
//
// It asks any replica first, for many at once: as entries never change, what a
// replica has is right. Only what it does not have (yet) is asked from the
// leader, one by one.
func (l *JetStream) lookUp(ctx context.Context, ids []string) (map[string]Entry, error) {
	found := make(map[string]Entry, len(ids))
	for len(ids) > 0 {
		some := ids[:min(chunk, len(ids))]
		ids = ids[len(some):]
		subjects := make([]string, len(some))
		for i, id := range some {
			subjects[i] = l.subject(id)
		}
		err := l.repeat(ctx, func() error {
			_, err := l.direct(ctx, map[string]any{"multi_last": subjects}, func(e Entry, _ uint64) { found[e.ID] = e })
			return err
		})
		if err != nil {
			return nil, err
		}
		if err := l.askLeader(ctx, some, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// askLeader adds to found those of ids that it lacks and the leader has.
func (l *JetStream) askLeader(ctx context.Context, ids []string, found map[string]Entry) error {
	type answer struct {
		Entry
		ok bool
	}
	answers := make([]answer, len(ids))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, id := range ids {
		if _, ok := found[id]; ok {
			continue
		}
		group.Go(func() error {
			return l.repeat(ctx, func() (err error) {
				answers[i].Entry, answers[i].ok, err = l.fromLeader(ctx, id)
				return err
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, a := range answers {
		if a.ok {
			found[a.ID] = a.Entry
		}
	}
	return nil
}

func (l *JetStream) fromLeader(ctx context.Context, id string) (Entry, bool, error) {
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Data []byte    `json:"data"`
			Time time.Time `json:"time"`
		} `json:"message"`
	}
	err := l.ask(ctx, l.api("STREAM.MSG.GET"), map[string]any{"last_by_subj": l.subject(id)}, &answer)
	switch {
	case err != nil:
		return Entry{}, false, err
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return Entry{}, false, nil
	case answer.Error != nil:
		return Entry{}, false, answer.Error
	}
	return Entry{ID: id, Value: answer.Message.Data, Kept: answer.Message.Time}, true, nil
}

// All implements Ledger.
func (l *JetStream) All(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		state, err := l.state(ctx)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		entries := make([]Entry, 0, chunk)
		for next := state.FirstSeq; state.Msgs > 0 && next <= state.LastSeq; {
			entries = entries[:0]
			err := l.repeat(ctx, func() error {
				request := map[string]any{"seq": next, "batch": chunk, "next_by_subj": l.subject(">")}
				n, err := l.direct(ctx, request, func(e Entry, sequence uint64) {
					if sequence >= next && sequence <= state.LastSeq {
						entries = append(entries, e)
					}
					next = max(next, sequence+1)
				})
				if err == nil && n == 0 {
					// A replica that lags behind the leader; or the rest has
					// expired, which only the leader knows.
					if state, err = l.state(ctx); err == nil && next <= state.LastSeq && state.FirstSeq <= next {
						err = errIncomplete
					}
					next = max(next, state.FirstSeq)
				}
				return err
			})
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
		}
	}
}

// direct sends a batched read, which any replica answers, and calls receive for
// each entry. It returns how many there were.
func (l *JetStream) direct(ctx context.Context, request any, receive func(e Entry, sequence uint64)) (int, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return 0, err
	}
	inbox := l.conn.NewInbox()
	sub, err := l.conn.SubscribeSync(inbox)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	if err := l.conn.PublishRequest(l.api("DIRECT.GET"), inbox, body); err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		m, err := next(ctx, sub)
		if err != nil {
			return n, err
		}
		// The broker's own words have a status; an entry has its subject.
		subject := m.Header.Get(jetstream.SubjectHeader)
		if subject == "" {
			switch m.Header.Get("Status") {
			case "204", "404": // the end; none of them
				return n, nil
			}
			return n, fmt.Errorf("%w: %s %s", errIncomplete, m.Header.Get("Status"), m.Header.Get("Description"))
		}
		e, sequence, err := l.entry(subject, m)
		if err != nil {
			return n, err
		}
		receive(e, sequence)
	}
}

func next(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}

func (l *JetStream) entry(subject string, m *nats.Msg) (e Entry, sequence uint64, err error) {
	if _, err = fmt.Sscan(m.Header.Get(jetstream.SequenceHeader), &sequence); err != nil {
		return e, 0, fmt.Errorf("%w: no sequence: %w", errIncomplete, err)
	}
	if e.Kept, err = time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer)); err != nil {
		return e, 0, fmt.Errorf("%w: no time: %w", errIncomplete, err)
	}
	e.ID, e.Value = l.id(subject), m.Data
	return e, sequence, nil
}

func (l *JetStream) state(ctx context.Context) (jetstream.StreamState, error) {
	var answer struct {
		Error *jetstream.APIError   `json:"error"`
		State jetstream.StreamState `json:"state"`
	}
	err := l.repeat(ctx, func() error {
		answer.Error = nil
		if err := l.ask(ctx, l.api("STREAM.INFO"), nil, &answer); err != nil {
			return err
		}
		if answer.Error != nil {
			return answer.Error
		}
		return nil
	})
	return answer.State, err
}

// ask sends one request to the leader and decodes its answer.
func (l *JetStream) ask(ctx context.Context, subject string, request, answer any) error {
	var body []byte
	if request != nil {
		var err error
		if body, err = json.Marshal(request); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	m, err := l.conn.RequestWithContext(ctx, subject, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(m.Data, answer)
}

// repeat reads again until it succeeds, ctx ends, or the connection is closed.
func (l *JetStream) repeat(ctx context.Context, read func() error) error {
	var said time.Time
	for {
		err := read()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("cannot read %s: %w", l.bucket, ctx.Err())
		case errors.Is(err, nats.ErrConnectionClosed):
			return fmt.Errorf("cannot read %s: %w", l.bucket, err)
		}
		// While there is no connection its owner says so.
		if time.Since(said) > sayEvery && l.conn.IsConnected() {
			said = time.Now()
			l.log.Warn().Err(explain(err)).Msg("cannot read yet; trying again")
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
		}
	}
}

// explain adds to an error what a person can do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("the ledger is not there, or JetStream is not available: run setup: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer: the broker is busy, electing a leader, or a permission is missing: %w", err)
	}
	return err
}
