package queue_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/queue"
)

// handled counts how often each request was handled.
type handled struct {
	mu      sync.Mutex
	times   map[string]int
	batches []int
}

func newHandled() *handled { return &handled{times: make(map[string]int)} }

// handle is a Handler that always succeeds.
func (h *handled) handle(_ context.Context, batch []queue.Message[request]) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.batches = append(h.batches, len(batch))
	for _, m := range batch {
		h.times[m.Body.ID]++
	}
	return nil
}

// count is how many different requests were handled.
func (h *handled) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.times)
}

// of is how often one request was handled.
func (h *handled) of(r request) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.times[r.ID]
}

// sizes are those of the batches so far.
func (h *handled) sizes() []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.batches)
}

// requireEachOnce fails unless exactly these requests were handled, once each.
func (h *handled) requireEachOnce(t testing.TB, values []request) {
	t.Helper()
	for _, v := range values {
		require.Equal(t, 1, h.of(v), "times that %s was handled", v.ID)
	}
	require.Equal(t, len(values), h.count())
}

// has says whether a batch contains the request.
func has(batch []queue.Message[request], r request) bool {
	return slices.ContainsFunc(batch, func(m queue.Message[request]) bool { return m.Body.ID == r.ID })
}

// ids lists what a batch contains.
func ids(batch []queue.Message[request]) string {
	var list []string
	for _, m := range batch {
		list = append(list, m.Body.ID)
	}
	return strings.Join(list, " ")
}
