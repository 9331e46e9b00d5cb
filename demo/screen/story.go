package screen

import (
	"fmt"
	"strings"
	"sync"

	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

// textWidth is where text is broken.
const textWidth = 90

// Story tells a scenario on a screen, as it is played: what is done and what came
// of it, line by line, and below that the depths. It is a stage.Teller.
type Story struct {
	screen  *Screen
	mu      sync.Mutex
	samples []stage.Sample
}

// NewStory returns a story for one scenario.
func NewStory(s *Screen) *Story { return &Story{screen: s} }

// Title begins the story.
func (t *Story) Title(name, title, on string, seed uint64) {
	t.screen.Say("\n%s · %s   (on %s, seed %d)\n", name, title, on, seed)
}

// Paragraph says a text under a heading.
func (t *Story) Paragraph(heading, text string) {
	for i, line := range wrap(text, textWidth) {
		if i > 0 {
			heading = ""
		}
		t.screen.Say("  %-9s %s", heading, line)
	}
}

// Step implements stage.Teller.
func (t *Story) Step(text string) { t.screen.Say("  ▸ %s", text) }

// Saw implements stage.Teller.
func (t *Story) Saw(text string) { t.screen.Say("      %s", text) }

// Judged implements stage.Teller.
func (t *Story) Judged(c stage.Check) {
	mark := "✓"
	if !c.Holds {
		mark = "✗"
	}
	t.screen.Say("  %s %s: %s", mark, c.Claim, c.Saw)
}

// Sampled implements stage.Teller.
func (t *Story) Sampled(s stage.Sample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.samples = append(t.samples, s)
	lines := append([]string{""}, curves(t.samples, false)...)
	if s.Asked > 0 {
		cells := int(min(s.Received, s.Asked) * barWidth / s.Asked)
		lines = append(lines, fmt.Sprintf("    %-10s %9s  %s%s of %s", "finished", thousands(s.Received),
			strings.Repeat("█", cells), strings.Repeat("░", barWidth-cells), thousands(s.Asked)))
	}
	t.screen.Draw(lines)
}

// End shows what was measured and the verdict, and explains.
func (t *Story) End(r stage.Result, explain string) {
	t.screen.Clear()
	if anyDepth(r.Depths) {
		t.screen.Say("\n%s", strings.Join(curves(r.Depths, true), "\n"))
	}
	t.screen.Say("")
	for _, table := range r.Tables {
		t.screen.Say("%s\n", strings.Join(align(table), "\n"))
	}
	if len(r.Tables) == 0 && len(r.Measured) > 0 { // a table shows them better
		for _, m := range r.Measured {
			t.screen.Say("    %-44s %10s %s", m.Name, number(m.Value), m.Unit)
		}
		t.screen.Say("")
	}
	if r.Verdict != stage.Skipped {
		t.Paragraph("Explain", explain)
		t.screen.Say("")
	}
	switch r.Verdict {
	case stage.Holds:
		t.screen.Say("HOLDS    %s, in %.1f s", r.Scenario, r.Seconds)
	case stage.Skipped:
		t.screen.Say("SKIPPED  %s on %s: %s", r.Scenario, r.On, r.Why)
	default:
		t.screen.Say("FAILS    %s, in %.1f s. Play it again with --seed %d", r.Scenario, r.Seconds, r.Seed)
		if r.Why != "" {
			t.screen.Say("         %s", r.Why)
		}
	}
}

// anyDepth is true when a queue was seen with something in it.
func anyDepth(samples []stage.Sample) bool {
	_, highest := depths(samples, 0)
	return highest > 0
}

// curves are the depths of the three queues over time.
func curves(samples []stage.Sample, past bool) []string {
	lines := make([]string, len(topology.QueueNames))
	for i, name := range topology.QueueNames {
		values, highest := depths(samples, i)
		figure, label := values[len(values)-1], ""
		if past {
			for _, v := range values {
				figure = max(figure, v)
			}
			label = "seen up to "
		}
		lines[i] = fmt.Sprintf("    %-10s %17s   %s", name, label+thousands(figure), spark(values, highest))
		if !past {
			lines[i] = fmt.Sprintf("    %-10s %9s  %s", name, thousands(figure), spark(values, highest))
		}
	}
	return lines
}

// number shows a measured number with the digits that mean something.
func number(v float64) string {
	switch {
	case v == float64(int64(v)):
		return thousands(uint64(v))
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// align lays a table out: the first column to the left, all others to the right.
func align(table stage.Table) []string {
	rows := append([][]string{table.Head}, table.Rows...)
	widths := make([]int, len(table.Head))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	lines := make([]string, len(rows))
	for n, row := range rows {
		line := fmt.Sprintf("    %-*s", widths[0], row[0])
		for i, cell := range row[1:] {
			line += fmt.Sprintf("   %*s", widths[i+1], cell)
		}
		lines[n] = line
	}
	return lines
}

// wrap breaks a text into lines.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
