package dashboard

import "sync"

// latest is the newest of some values, for any number of watchers. None of them
// has a queue: a slow one finds the newest when it looks again, and misses what
// was in between. The zero value is ready.
type latest[T any] struct {
	mu      sync.Mutex
	value   T
	changed chan struct{}
}

// set makes a value the newest.
func (l *latest[T]) set(value T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value = value
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// get returns the newest value, and a channel that is closed when there is a newer
// one.
func (l *latest[T]) get() (T, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.value, l.changed
}
