package ledger

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/direct"
)

const (
	// chunk is how many entries one request looks up; the broker takes 1024.
	chunk = 512
	// atOnce is how many entries are asked from the leader together.
	atOnce = 32
)

// Get implements Ledger.
func (l *JetStream) Get(ctx context.Context, ids ...string) ([]Entry, error) {
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
// It asks any replica first, for many at once: as entries never change, what a
// replica has is right. Only what it does not have (yet) is asked from the
// leader, one by one.
func (l *JetStream) find(ctx context.Context, ids []string, found map[string]Entry) error {
	left, more := missing(ids, found), true
	for more && len(left) > 0 {
		subjects := make([]string, len(left))
		for i, id := range left {
			subjects[i] = l.subject(id)
		}
		var (
			some []stored
			err  error
		)
		some, more, err = l.fromAnyReplica(ctx, direct.Query{Last: subjects})
		for _, s := range some {
			found[s.ID] = s.Entry
		}
		if err != nil {
			return err
		}
		left = missing(left, found)
	}
	var (
		group errgroup.Group
		mu    sync.Mutex
	)
	group.SetLimit(atOnce)
	for _, id := range left {
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
