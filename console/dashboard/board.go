package dashboard

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/dashboard/view"
)

// rendering is all that there is to see, and the same as it is sent.
type rendering struct {
	fragments []view.Fragment
	events    [][]byte // of each fragment
}

// board is what all watchers see. Each change is rendered once, however many
// they are.
type board struct {
	options  view.Options
	log      zerolog.Logger
	rendered latest[rendering]

	mu       sync.Mutex
	snapshot feed.Snapshot
	note     view.Note
}

func newBoard(o view.Options, log zerolog.Logger) *board {
	b := &board{options: o, log: log}
	b.show(feed.Snapshot{At: time.Now()})
	return b
}

// show makes a snapshot the newest.
func (b *board) show(s feed.Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.snapshot = s
	b.render()
}

// say shows on the status line what was done, or why not.
func (b *board) say(text string, bad bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note = view.Note{At: time.Now(), Text: text, Bad: bad}
	b.render()
}

func (b *board) render() {
	fragments, err := view.Render(b.snapshot, b.note, b.options)
	if err != nil {
		b.log.Error().Err(err).Msg("a part of the dashboard cannot be shown")
	}
	events := make([][]byte, len(fragments))
	for i, f := range fragments {
		events[i] = event(f)
	}
	b.rendered.set(rendering{fragments, events})
}
