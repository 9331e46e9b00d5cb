package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/nats-io/nats.go"

	"decoupled.example/shared/publish"
	"decoupled.example/shared/retry"
)

// JetStream is a Ledger in a set-once key-value bucket: a stream that holds one
// message a subject and refuses a second one.
//
// The console's setup creates the bucket, with package topology's configuration. A
// client needs permission to publish to $KV.<bucket>.*, and to read with
// $JS.API.STREAM.MSG.GET and $JS.API.DIRECT.GET of the bucket's stream,
// KV_<bucket>. Count and All, which no service uses, also need $JS.API.STREAM.INFO.
//
// On three nodes, a leader that is cut off from the others may still act as the leader
// for some seconds. Get and Count may then miss the newest entries; PutIfAbsent is not
// confirmed.
type JetStream struct {
	conn      *nats.Conn
	publisher *publish.Publisher
	log       *slog.Logger
	bucket    string
}

var _ Ledger = (*JetStream)(nil)

// NewJetStream returns the ledger in that bucket. It sends nothing to the broker; a
// missing bucket is reported when it is used.
func NewJetStream(conn *nats.Conn, publisher *publish.Publisher, log *slog.Logger, bucket string) *JetStream {
	return &JetStream{
		conn: conn, publisher: publisher, bucket: bucket,
		log: log.With("ledger", bucket),
	}
}

func (l *JetStream) subject(id string) string  { return "$KV." + l.bucket + "." + id }
func (l *JetStream) id(subject string) string  { return strings.TrimPrefix(subject, l.subject("")) }
func (l *JetStream) stream() string            { return "KV_" + l.bucket }
func (l *JetStream) api(request string) string { return "$JS.API." + request + "." + l.stream() }

// PutIfAbsent implements Ledger. It writes all entries at once, and reads only those for
// which another writer was first. No header says that an entry must be the first: the
// bucket refuses a second one, and such headers took a tenth of a round trip's
// processor time.
func (l *JetStream) PutIfAbsent(ctx context.Context, entries ...Entry) ([]Entry, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	kept := make([]Entry, len(entries))
	todo := make([]int, len(entries))
	for i, e := range entries {
		if err := validateID(e.ID); err != nil {
			return nil, fmt.Errorf("cannot store %.40q in %s: %w", e.ID, l.bucket, err)
		}
		todo[i] = i
	}
	for len(todo) > 0 {
		messages, together := make([]*nats.Msg, len(todo)), make([]nats.Msg, len(todo))
		for k, i := range todo {
			messages[k] = &together[k]
			messages[k].Subject, messages[k].Data = l.subject(entries[i].ID), entries[i].Value
		}
		refused, err := l.publisher.Publish(ctx, l.stream(), messages)
		if err != nil {
			return nil, fmt.Errorf("cannot store entries in %s: %w", l.bucket, err)
		}
		var taken []int
		for k, i := range todo {
			switch err := refused[k]; {
			case err == nil:
				kept[i] = Entry{ID: entries[i].ID, Value: entries[i].Value}
			case errors.Is(err, publish.ErrExists):
				taken = append(taken, i)
			default:
				return nil, fmt.Errorf("cannot store %s in %s: %w", entries[i].ID, l.bucket, err)
			}
		}
		// "Exists" may also mean that another client is writing it at this moment. If
		// that write fails, nothing is stored and we try again; repeatedly, until a
		// node has noticed that it is cut off.
		if todo, err = l.readTaken(ctx, entries, taken, kept); err != nil {
			return nil, err
		}
		if len(todo) > 0 {
			_ = retry.Wait(ctx, retryEvery) // the next Publish looks at what ended it
		}
	}
	return kept, nil
}

// readTaken fills in what is stored under IDs that were taken, and returns those
// that turned out not to be.
func (l *JetStream) readTaken(ctx context.Context, entries []Entry, taken []int, kept []Entry) (free []int, err error) {
	if len(taken) == 0 {
		return nil, nil
	}
	ids := make([]string, len(taken))
	for k, i := range taken {
		ids[k] = entries[i].ID
	}
	found, err := l.lookUp(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, i := range taken {
		if e, ok := found[entries[i].ID]; ok {
			kept[i] = e
		} else {
			free = append(free, i)
		}
	}
	return free, nil
}
