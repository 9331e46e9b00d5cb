package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/direct"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/retry"
)

// attempts stores the records of one queue's messages in a key-value bucket.
//
// A record is written on the condition that the entry is still the one that was
// read, so that no failure is lost when two replicas have the same message. It may
// be used concurrently.
type attempts struct {
	client  *Client
	log     *slog.Logger
	bucket  string
	lasting retry.Problem
	waits   patience
}

func (a *attempts) stream() string { return "KV_" + a.bucket }

func (a *attempts) subject(key string) string { return "$KV." + a.bucket + "." + key }

// known returns the existing records of messages. It asks any replica of the
// bucket, which may lag behind.
func (a *attempts) known(ctx context.Context, keys []string) (map[string]record, error) {
	records := make(map[string]record)
	subjects := make([]string, len(keys))
	for i, key := range keys {
		subjects[i] = a.subject(key)
	}
	err := a.repeat(ctx, func(ctx context.Context) error {
		messages, err := direct.Last(ctx, a.client.conn, a.stream(), subjects)
		if errors.Is(err, nats.ErrNoResponders) {
			return fmt.Errorf("%w: %w", jetstream.ErrBucketNotFound, err)
		}
		if err != nil {
			return err
		}
		for _, m := range messages {
			key := strings.TrimPrefix(m.Subject, a.subject(""))
			records[key] = a.decode(key, m.Data, m.Sequence)
		}
		return nil
	})
	return records, err
}

// read returns the record of a message as the bucket's leader has it; the zero
// record if there is none.
func (a *attempts) read(ctx context.Context, key string) (r record, err error) {
	err = a.repeat(ctx, func(ctx context.Context) error {
		question := fmt.Appendf(nil, `{"last_by_subj":%q}`, a.subject(key))
		m, err := a.client.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+a.stream(), question)
		if err != nil {
			return err
		}
		var answer struct {
			Error   *jetstream.APIError `json:"error"`
			Message struct {
				Sequence uint64 `json:"seq"`
				Data     []byte `json:"data"`
			} `json:"message"`
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return err
		}
		if answer.Error != nil && answer.Error.ErrorCode != jetstream.JSErrCodeMessageNotFound {
			return answer.Error
		}
		r = a.decode(key, answer.Message.Data, answer.Message.Sequence)
		return nil
	})
	return r, err
}

// decode returns an empty record for one that cannot be read: it is overwritten
// with the next failure, and must not block its message or others.
func (a *attempts) decode(key string, data []byte, sequence uint64) record {
	r, err := readRecord(data, sequence)
	if err != nil {
		a.log.Error("attempt record is unreadable; failures are counted anew", "error", err, "record", key)
	}
	return r
}

// change reads the record of a message, has change alter it, and writes it,
// again if another replica has written it meanwhile. It returns the record as it
// is written. A change that returns false is not written.
func (a *attempts) change(ctx context.Context, key string, change func(*record) bool) (r record, err error) {
	for {
		if r, err = a.read(ctx, key); err != nil {
			return r, err
		}
		if !change(&r) {
			return r, nil
		}
		written, err := a.write(ctx, map[string]record{key: r})
		if err != nil || written[key] {
			return r, err
		}
		if err := retry.Wait(ctx, shortestPause); err != nil {
			return r, err
		}
	}
}

// write stores the records whose entries are still those that were read, and
// returns which are stored. The zero record deletes the entry.
func (a *attempts) write(ctx context.Context, records map[string]record) (written map[string]bool, err error) {
	if len(records) == 0 {
		return nil, nil
	}
	keys := make([]string, 0, len(records))
	messages := make([]*nats.Msg, 0, len(records))
	for key, r := range records {
		m := nats.NewMsg(a.subject(key))
		m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(r.sequence, 10))
		if r.Failures == 0 && r.Running == "" {
			m.Header.Set("KV-Operation", "DEL")
		} else if m.Data, err = json.Marshal(r); err != nil {
			return nil, err
		}
		keys, messages = append(keys, key), append(messages, m)
	}
	refused, err := a.client.publisher.Publish(ctx, a.stream(), messages)
	if err != nil {
		return nil, err
	}
	written = make(map[string]bool, len(keys))
	for i, key := range keys {
		switch {
		case refused[i] == nil:
			written[key] = true
		case !errors.Is(refused[i], publish.ErrExists):
			err = errors.Join(err, fmt.Errorf("cannot write attempt record %s: %w", key, refused[i]))
		}
	}
	return written, err
}

// fail counts one failure of each message and returns the changed records.
func (a *attempts) fail(ctx context.Context, before, failures map[string]record) (map[string]record, error) {
	ctx, cancel := context.WithTimeout(ctx, fullWait)
	defer cancel()
	after := make(map[string]record, len(failures))
	first := make(map[string]record, len(failures))
	name := newAttempt()[:8]
	for key, failure := range failures {
		r := before[key]
		changed := r.Running != "" // by us, since it was read
		r.count(name, failure)
		if after[key] = r; !changed {
			first[key] = r
		}
	}
	written, err := a.write(ctx, first)
	if err != nil {
		return nil, err
	}
	for key, failure := range failures {
		if written[key] {
			continue
		}
		after[key], err = a.change(ctx, key, func(r *record) bool {
			return r.count(name, failure)
		})
		if err != nil {
			return nil, err
		}
	}
	return after, nil
}

// begin puts an attempt in isolation on record and returns the record. If the
// last such attempt has not ended, its worker died: that counts as a failure, and
// after most failures no further attempt begins.
func (a *attempts) begin(ctx context.Context, key, attempt string, most int) (record, error) {
	return a.change(ctx, key, func(r *record) bool {
		if r.Running == attempt { // written before, and the confirmation was lost
			return false
		}
		died := r.Running != ""
		if died {
			r.fail(record{Reason: "its worker process died while handling it in isolation"})
		}
		if r.Failures >= most {
			return died
		}
		r.Running = attempt
		return true
	})
}

// end takes the attempt off the record: the worker is alive.
func (a *attempts) end(ctx context.Context, key, attempt string) error {
	_, err := a.change(ctx, key, func(r *record) bool {
		ours := r.Running == attempt
		if ours {
			r.Running = ""
		}
		return ours
	})
	return err
}

// clear deletes the records of messages that are done. One that stays is harmless
// and expires.
func (a *attempts) clear(ctx context.Context, keys []string) {
	if len(keys) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, cleanUpWithin)
	defer cancel()
	messages := make([]*nats.Msg, len(keys))
	for i, key := range keys {
		messages[i] = &nats.Msg{Subject: a.subject(key), Header: nats.Header{"KV-Operation": {"DEL"}}}
	}
	if _, err := a.client.publisher.Publish(ctx, a.stream(), messages); err != nil {
		a.log.Debug("cannot delete attempt records; they expire", "error", err, "records", len(keys))
	}
}

// repeat asks until the broker has answered or refuses to, ctx ends or the
// connection is closed.
func (a *attempts) repeat(ctx context.Context, ask func(context.Context) error) error {
	for {
		err := connected(a.client.conn)
		if err == nil {
			asking, cancel := context.WithTimeout(ctx, lookFor)
			err = ask(asking)
			cancel()
		}
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, direct.ErrRefused) {
			if a.client.conn.IsConnected() && a.lasting.Due() {
				a.log.Warn("cannot read attempt records yet; trying again", "error", explain(err), "bucket", a.bucket)
			}
			if retry.Wait(ctx, lookEvery) == nil {
				continue
			}
		}
		return fmt.Errorf("cannot read attempt records: %w: %w", publish.ErrUnavailable, err)
	}
}

// bounded returns a context for one use of the records. An outage of the broker is
// waited for first, a bucket that is missing or does not answer only for a while:
// its messages must not block others.
func (a *attempts) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	_ = a.client.publisher.AwaitConnection(ctx) // failed: then the use fails, too
	return context.WithTimeout(ctx, a.waits.next())
}

// newAttempt returns a unique name for an attempt.
func newAttempt() string { return rand.Text() }
