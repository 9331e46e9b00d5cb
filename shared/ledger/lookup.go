package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/direct"
)

const (
	// chunk is how many entries are looked up before the next ones.
	chunk = 512
	// atOnce is how many entries are asked from the leader together.
	atOnce = 32
)

// Get implements Ledger.
func (l *JetStream) Get(ctx context.Context, ids ...string) ([]Entry, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := validateID(id); err != nil {
			return nil, fmt.Errorf("cannot get %.40q from %s: %w", id, l.bucket, err)
		}
	}
	found, err := l.lookUp(ctx, ids)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(found))
	for _, id := range ids {
		if e, ok := found[id]; ok {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// lookUp returns those of the entries that exist.
func (l *JetStream) lookUp(ctx context.Context, ids []string) (map[string]Entry, error) {
	found := make(map[string]Entry, len(ids))
	for some := range slices.Chunk(ids, chunk) {
		err := l.repeat(ctx, func() error { return l.find(ctx, some, found) })
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// find adds to found those of the entries that exist.
//
// It asks any replica first, for many entries at once: entries never change, so what a
// replica has is right. It asks the leader only for missing entries, one by one, or
// for all if the bucket allows no reads from replicas.
func (l *JetStream) find(ctx context.Context, ids []string, found map[string]Entry) error {
	var subjects []string
	for _, id := range missing(ids, found) {
		subjects = append(subjects, l.subject(id))
	}
	err := l.attempt(ctx, direct.Subject(l.stream()), func(ctx context.Context) error {
		messages, err := direct.Last(ctx, l.conn, l.stream(), subjects)
		for _, m := range messages { // also with an error: the next call asks for the rest
			found[l.id(m.Subject)] = l.stored(m).Entry
		}
		return err
	})
	if err != nil && !errors.Is(err, nats.ErrNoResponders) {
		return err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, id := range missing(ids, found) {
		group.Go(func() error {
			s, err := l.fromLeader(ctx, query{LastOne: l.subject(id)})
			if s != nil {
				mu.Lock()
				defer mu.Unlock()
				found[id] = s.Entry
			}
			return err
		})
	}
	return group.Wait()
}

func missing(ids []string, found map[string]Entry) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		_, ok := found[id]
		return ok
	})
}
