package drain

import (
	"context"
	"fmt"
	"slices"
	"time"

	"decoupled.example/shared/topology"
)

// world is a model of the streams: where each request's messages are. Whatever
// happens keeps the services' promise, that a message leaves a stream only when
// what follows from it is stored in another, or it is finished.
type world struct {
	streams  [4]stream // in the order of the package's order
	asked    []bool    // by request
	finished []bool
	history  []event

	// decided is true once a queue was read that was not empty: whatever happens
	// then, no way of checking says that the queues are drained.
	decided bool

	// Whether since the call began there was a moment at which all queues were
	// empty together, with so many letters.
	moments [64]bool
}

// stream holds messages, by the request and the queue they belong to.
type stream struct {
	messages []message
	last     uint64
	made     int // how often
}

type message struct{ request, queue int }

// dead is the place of the dead letters among the streams.
const dead = 3

// newWorld has so many requests; none is asked yet.
func newWorld(requests int) *world {
	return &world{asked: make([]bool, requests), finished: make([]bool, requests)}
}

func (w *world) add(s int, m message) {
	w.streams[s].messages = append(w.streams[s].messages, m)
	w.streams[s].last++
}

func (w *world) remove(s int, m message) {
	i := slices.Index(w.streams[s].messages, m)
	w.streams[s].messages = slices.Delete(w.streams[s].messages, i, i+1) // panics if it is not there
}

func (w *world) empty() bool {
	for q := range dead {
		if len(w.streams[q].messages) > 0 {
			return false
		}
	}
	return true
}

// event is something that happens between two readings.
type event struct {
	what           what
	request, queue int
}

type what string

const (
	publishes what = "publish"       // a request is published
	moves     what = "move"          // the work of a message is done: it goes to the next queue, or is finished
	repeats   what = "repeat"        // a late duplicate: a worker whose acknowledgement was lost publishes again
	setsAside what = "dead-lettered" // a message becomes a dead letter
	redrives  what = "redrive"       // a letter's message goes back into its queue
	remakes   what = "remake"        // an empty queue is deleted and made again
	reads     what = "read"          // not an event: the check reads
)

func publish(request int) event         { return event{publishes, request, 0} }
func move(request, queue int) event     { return event{moves, request, queue} }
func setAside(request, queue int) event { return event{setsAside, request, queue} }
func redrive(request, queue int) event  { return event{redrives, request, queue} }
func remake(queue int) event            { return event{remakes, 0, queue} }

func (e event) String() string {
	switch e.what {
	case remakes:
		return fmt.Sprintf("remake %s", order[e.queue])
	case reads:
		return fmt.Sprintf("[%s]", order[e.queue])
	}
	return fmt.Sprintf("%s %d at %s", e.what, e.request, order[e.queue])
}

func (w *world) happen(e event) {
	w.history = append(w.history, e)
	m := message{e.request, e.queue}
	switch e.what {
	case publishes:
		w.asked[e.request] = true
		w.add(0, m)
	case moves:
		w.remove(e.queue, m)
		if e.queue+1 < dead {
			w.add(e.queue+1, message{e.request, e.queue + 1})
		} else {
			w.finished[e.request] = true
		}
	case repeats:
		w.add(e.queue, m)
	case setsAside:
		w.add(dead, m)
		w.remove(e.queue, m)
	case redrives:
		w.add(e.queue, m)
		w.remove(dead, m)
	case remakes:
		w.streams[e.queue].last = 0
		w.streams[e.queue].made++
	}
	w.look()
}

// look notes whether this is a moment at which all queues are empty.
func (w *world) look() {
	if w.empty() {
		w.moments[len(w.streams[dead].messages)] = true
	}
}

// kinds are which kinds of events may happen.
type kinds struct{ asking, aside, redriving, repeating, remaking bool }

// possible are the events that can happen now.
func (w *world) possible(k kinds) (all []event) {
	for r := range w.asked {
		if !w.asked[r] {
			if k.asking {
				all = append(all, publish(r))
			}
			break // they are all alike
		}
	}
	for q := range dead {
		for _, m := range w.streams[q].messages {
			all = append(all, move(m.request, q))
			if k.aside {
				all = append(all, setAside(m.request, q))
			}
		}
		if k.remaking && len(w.streams[q].messages) == 0 {
			all = append(all, remake(q))
		}
	}
	if k.redriving {
		for _, m := range w.streams[dead].messages {
			all = append(all, redrive(m.request, m.queue))
		}
	}
	if k.repeating {
		for r, finished := range w.finished {
			if finished {
				all = append(all, event{repeats, r, 1})
			}
		}
	}
	return all
}

// state is what a reading of the stream says now.
func (w *world) state(name string) State {
	s := w.streams[slices.Index(order, name)]
	return State{
		Stream: name, Messages: uint64(len(s.messages)), LastSeq: s.last,
		Created: time.Unix(int64(s.made), 0),
	}
}

// run lets a way of checking read the world, with before called before each
// reading, by its number.
func (w *world) run(check checker, before func(reading int)) (bool, Snapshot) {
	w.look()
	reading := 0
	drained, snapshot, err := check(context.Background(), func(_ context.Context, name string) (State, error) {
		before(reading)
		reading++
		s := w.state(name)
		w.decided = w.decided || s.Messages > 0 && name != topology.DeadLetters
		w.history = append(w.history, event{what: reads, queue: slices.Index(order, name)})
		return s, nil
	})
	if err != nil {
		panic(err) // no reading fails
	}
	return drained, snapshot
}

// truth says whether a check may say that the queues were drained with so many
// letters.
func (w *world) truth(s Snapshot) bool { return w.moments[s.DeadLetters()] }

// tell is what happened.
func (w *world) tell() string { return fmt.Sprint(w.history) }

// checker is a way of checking: Check's, or a wrong one.
type checker func(ctx context.Context, read reader) (bool, Snapshot, error)

// Wrong ways of checking.

// backwards reads each stream once, the last queue first.
func backwards(ctx context.Context, read reader) (bool, Snapshot, error) {
	s, err := pass(ctx, read, []string{topology.Receipts, topology.Responses, topology.Requests, topology.DeadLetters})
	return s.Empty(), s, err
}

// forwards reads each stream once, in the order a request passes them. It is
// wrong when letters are redriven.
func forwards(ctx context.Context, read reader) (bool, Snapshot, error) {
	s, err := pass(ctx, read, order)
	return s.Empty(), s, err
}

// twice reads twice and compares as Check does, but with another idea of what
// is the same.
func twice(same func(a, b State) bool) checker {
	return func(ctx context.Context, read reader) (bool, Snapshot, error) {
		first, err := pass(ctx, read, order)
		if err != nil {
			return false, nil, err
		}
		second, err := pass(ctx, read, order)
		return first.Empty() && slices.EqualFunc(first, second, same), second, err
	}
}

var (
	withoutLastSeq = twice(func(a, b State) bool { return a.Messages == b.Messages && a.Created.Equal(b.Created) })
	withoutCreated = twice(func(a, b State) bool { return a.Messages == b.Messages && a.LastSeq == b.LastSeq })
	withoutLetters = twice(func(a, b State) bool { return a.Stream == topology.DeadLetters || a.same(b) })
)
