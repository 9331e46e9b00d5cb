package screen

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/depth"
	"decoupled.example/console/status"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// terminal is what the escape sequences of a Screen do on a terminal of that
// width, which breaks lines that are longer.
type terminal struct {
	width int
	rows  []string // the last one is where the cursor is
}

func (t *terminal) Write(p []byte) (int, error) {
	for rest := string(p); rest != ""; {
		if escape := escapes.FindStringSubmatch(rest); escape != nil {
			rest = rest[len(escape[0]):]
			if escape[2] == "A" { // up so many; what is below is cleared next
				n, err := strconv.Atoi(escape[1])
				if err != nil {
					return 0, err
				}
				t.rows = append(t.rows[:len(t.rows)-1-n], "")
			}
			continue
		}
		char, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		last := len(t.rows) - 1
		switch {
		case char == '\n':
			t.rows = append(t.rows, "")
		case utf8.RuneCountInString(t.rows[last]) == t.width:
			t.rows = append(t.rows, string(char))
		default:
			t.rows[last] += string(char)
		}
	}
	return len(p), nil
}

// escapes are the sequences that a Screen uses: up, clear, and a color.
var escapes = regexp.MustCompile(`^\x1b\[(\d*)([AJm])`)

func onTerminal(width int) (*Screen, *terminal) {
	t := &terminal{width: width, rows: []string{""}}
	return &Screen{out: t, terminal: true, width: func() int { return t.width }, begun: time.Now()}, t
}

// busy is a status whose every number is as wide as they get.
func busy() status.Status {
	s := status.Status{At: time.Now(), Ledgers: make(map[string]uint64), DeadLetters: 1_000_000}
	for _, name := range topology.QueueNames {
		s.Queues = append(s.Queues, depth.Depth{Queue: name, Messages: 1_000_000, Waiting: 1_000_000, InFlight: 1_000_000, Redelivered: 1_000_000, Repeated: 1_000_000})
	}
	for _, name := range topology.LedgerNames {
		s.Ledgers[name] = 1_000_000
	}
	for range 16 {
		s.Replicas = append(s.Replicas, service.Status{Service: topology.Requestor}, service.Status{Service: topology.Generator})
	}
	return s
}

// The panel is redrawn in place, and what is said stays above it: on any
// terminal, however narrow.
func TestThePanelIsRedrawnInPlace(t *testing.T) {
	t.Parallel()
	for _, width := range []int{200, usualWidth, 30} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			s, shown := onTerminal(width)
			s.Print("before")
			s.Show(busy())
			s.Print("between")
			s.Show(busy())
			height := len(panel(busy(), status.Rates{}, 0))
			require.Equal(t, []string{"before", "between"}, shown.rows[:2])
			require.Len(t, shown.rows, 2+height+1, "one panel, and the cursor below it:\n%s", strings.Join(shown.rows, "\n"))
			require.Equal(t, 1, strings.Count(strings.Join(shown.rows, "\n"), topology.Requests))

			s.Clear()
			require.Equal(t, []string{"before", "between", ""}, shown.rows)
			s.Draw([]string{"a panel"})
			s.Leave()
			s.Print("after")
			require.Equal(t, []string{"before", "between", "a panel", "after", ""}, shown.rows)
		})
	}
}

// A panel on a terminal that became narrower takes more rows than lines, or not,
// depending on the terminal. Whatever stands above it stays.
func TestAPanelOnATerminalThatBecomesNarrower(t *testing.T) {
	t.Parallel()
	s, shown := onTerminal(usualWidth)
	s.Print("before")
	s.Show(busy())
	first := slices.Clone(shown.rows)
	for _, width := range []int{40, 20, 60} {
		shown.width = width
		s.Show(busy())
		s.Print("at %d", width)
	}
	text := strings.Join(shown.rows, "\n")
	require.Equal(t, first[:len(first)-1], shown.rows[:len(first)-1], "the panel that is too wide now stays, and all above it")
	require.Equal(t, 3, strings.Count(text, topology.Requests), "one more for each time that it became narrower:\n%s", text)
	for _, said := range []string{"before", "at 40", "at 20", "at 60"} {
		require.Equal(t, 1, strings.Count(text, said))
	}
}

// Nothing needs to be cut off on a terminal of the usual width.
func TestAllFitsOnTheUsualTerminal(t *testing.T) {
	t.Parallel()
	lines := panel(busy(), status.Rates{}, time.Hour)
	samples := make([]stage.Sample, 1000)
	for i := range samples {
		samples[i] = stage.Sample{Queues: busy().Queues, Asked: 1_000_000, Received: 1_000_000}
	}
	lines = append(lines, curves(samples, true)...)
	lines = append(lines, live(samples)...)
	for _, line := range lines {
		require.LessOrEqual(t, utf8.RuneCountInString(line), usualWidth, line)
	}
}

// A story is broken between words on a terminal, and nowhere else.
func TestAStoryOnATerminal(t *testing.T) {
	t.Parallel()
	long := strings.TrimSpace(strings.Repeat("word ", 40))
	tell := func(s *Screen) {
		story := NewStory(s)
		story.Step(long)
		story.Saw(long)
		story.Judged(stage.Check{Claim: long, Holds: true, Observed: long})
	}
	s, shown := onTerminal(usualWidth)
	tell(s)
	require.Greater(t, len(shown.rows), 4*200/usualWidth)
	for _, row := range shown.rows[:len(shown.rows)-1] {
		require.Regexp(t, `word:?$`, row)
	}
	s, shown = onTerminal(40)
	tell(s)
	for _, row := range shown.rows[:len(shown.rows)-1] {
		require.Regexp(t, `word:?$`, row, "also on a narrow one")
	}
	var out bytes.Buffer
	tell(New(&out))
	require.Equal(t, 3, strings.Count(out.String(), "\n"))
}

// Where there is no terminal, a status is a line, and a panel is nothing.
func TestWithoutATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := New(&out)
	s.Draw([]string{"a panel"})
	s.Show(busy())
	s.Clear()
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
	require.Contains(t, out.String(), "requestors 16  generators 16  dead 1000000")
}
