package ledgertest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"decoupled.example/shared/ledger"
	"decoupled.example/shared/publish"
)

// memory is the smallest ledger there is: an example of what the suite wants of
// a store, and with a mistake in it a proof that the suite finds it.
type memory struct {
	mistake string

	mu      sync.Mutex
	up      chan struct{} // closed while the store is there
	entries []ledger.Entry
	calls   int
}

func newMemory(mistake string) *memory {
	m := &memory{mistake: mistake, up: make(chan struct{})}
	m.Start()
	return m
}

func (m *memory) Open(*testing.T) ledger.Ledger {
	if m.mistake == "each process has its own" {
		return newMemory("")
	}
	return m
}

func (m *memory) Start() { close(m.up) }

func (m *memory) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.up = make(chan struct{})
	if m.mistake == "forgets" {
		m.entries = nil
	}
}

// enter waits until the store is there, and locks it.
func (m *memory) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil && m.mistake != "ignores the context" && m.mistake != "blames the store" {
		return err
	}
	for {
		m.mu.Lock()
		up := m.up
		m.mu.Unlock()
		select {
		case <-up:
		default:
			if m.mistake == "gives up in an outage" {
				return errors.New("the store is down")
			}
		}
		select {
		case <-up:
		case <-ctx.Done():
		}
		if ctx.Err() != nil && m.mistake != "ignores the context" {
			if m.mistake == "blames the message" {
				return ctx.Err()
			}
			return fmt.Errorf("cannot use the ledger: %w: %w", publish.ErrUnavailable, ctx.Err())
		}
		if m.mu.Lock(); m.up == up {
			return nil
		}
		m.mu.Unlock() // it went away meanwhile
	}
}

var valid = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func (m *memory) PutIfAbsent(ctx context.Context, entries ...ledger.Entry) ([]ledger.Entry, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	for _, e := range entries {
		if !valid.MatchString(e.ID) && m.mistake != "stores what is before an invalid ID" {
			return nil, fmt.Errorf("cannot store %.40q: %w", e.ID, ledger.ErrInvalidID)
		}
	}
	kept := make([]ledger.Entry, 0, len(entries))
	for _, e := range entries {
		if !valid.MatchString(e.ID) {
			return nil, fmt.Errorf("cannot store %.40q: %w", e.ID, ledger.ErrInvalidID)
		}
		m.calls++
		i := m.index(e.ID)
		switch {
		case i < 0:
			value := slices.Clone(e.Value)
			switch m.mistake {
			case "stores the caller's bytes":
				value = e.Value
			case "cuts long values":
				value = value[:min(len(value), 32<<10)]
			case "stores text":
				value = []byte(string([]rune(string(value))))
			}
			m.entries = append(m.entries, ledger.Entry{ID: e.ID, Value: value, Stored: time.Now()})
			kept = append(kept, e)
		case m.mistake == "the last write wins":
			m.entries[i].Value = slices.Clone(e.Value)
			kept = append(kept, e)
		case m.mistake == "returns its own":
			kept = append(kept, e)
		default:
			kept = append(kept, m.entries[i])
		}
	}
	if m.mistake == "returns in another order" {
		slices.Reverse(kept)
	}
	return kept, nil
}

func (m *memory) index(id string) int {
	return slices.IndexFunc(m.entries, func(e ledger.Entry) bool { return e.ID == id })
}

func (m *memory) Get(ctx context.Context, ids ...string) ([]ledger.Entry, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var found []ledger.Entry
	for _, id := range ids {
		if !valid.MatchString(id) {
			return nil, fmt.Errorf("cannot get %.40q: %w", id, ledger.ErrInvalidID)
		}
		if i := m.index(id); i >= 0 {
			found = append(found, m.entries[i])
		} else if m.mistake == "makes up what is missing" {
			found = append(found, ledger.Entry{ID: id, Stored: time.Now()})
		}
	}
	return found, nil
}

func (m *memory) Count(ctx context.Context) (uint64, error) {
	if err := m.enter(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if m.mistake == "counts the writes" {
		return uint64(m.calls), nil
	}
	return uint64(len(m.entries)), nil
}

func (m *memory) All(ctx context.Context) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		err := m.enter(ctx)
		if err != nil {
			yield(ledger.Entry{}, err)
			return
		}
		entries := slices.Clone(m.entries)
		m.mu.Unlock()
		switch m.mistake {
		case "newest first":
			slices.Reverse(entries)
		case "leaves out the last":
			entries = entries[:max(0, len(entries)-1)]
		case "repeats the first":
			entries = append(entries, entries[:min(1, len(entries))]...)
		}
		for _, e := range entries {
			if ctx.Err() != nil {
				yield(ledger.Entry{}, ctx.Err())
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}
