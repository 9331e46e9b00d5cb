package screen

import (
	"fmt"
	"strings"
	"sync"

	"decoupled.example/demo/scenario"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

// textWidth is where a paragraph is broken, and textIndent what is in front of it.
const textWidth, textIndent = 68, 12

// Story tells a scenario on a screen, as it is played: what is done and what came
// of it, line by line, and below that the depths. It is a stage.Teller.
type Story struct {
	screen  *Screen
	mu      sync.Mutex
	samples []stage.Sample
}

// NewStory returns a story for one scenario.
func NewStory(s *Screen) *Story { return &Story{screen: s} }

// Begin says what the story is about, and what to predict.
func (t *Story) Begin(c scenario.Scenario, on string, seed uint64) {
	t.screen.Print("\n%s · %s   %s\n", t.screen.color(bold, c.Name), t.screen.color(bold, c.Title),
		t.screen.color(faint, fmt.Sprintf("on %s, seed %d", on, seed)))
	t.paragraph("Claim", c.Claim)
	t.paragraph("Predict", c.Predict)
	t.screen.Print("")
}

// paragraph says a text beside its heading.
func (t *Story) paragraph(heading, text string) {
	for i, line := range wrap(text, min(textWidth, t.screen.columns()-textIndent)) {
		if i > 0 {
			heading = ""
		}
		t.screen.Print("  %s %s", t.screen.color(cyan, fmt.Sprintf("%-9s", heading)), line)
	}
}

// Step implements stage.Teller.
func (t *Story) Step(text string) { t.tell("▸", text) }

// Saw implements stage.Teller.
func (t *Story) Saw(text string) {
	for _, line := range t.lines(text) {
		t.screen.Print("      %s", t.screen.color(faint, line))
	}
}

// Judged implements stage.Teller.
func (t *Story) Judged(c stage.Check) {
	mark := t.screen.color(green, "✓")
	if !c.Holds {
		mark = t.screen.color(red, "✗")
	}
	t.tell(mark, c.Claim+": "+c.Observed)
}

// tell says a text behind its mark.
func (t *Story) tell(mark, text string) {
	for i, line := range t.lines(text) {
		if i > 0 {
			mark = " "
		}
		t.screen.Print("  %s %s", mark, line)
	}
}

// lines breaks a text between words for a terminal. Elsewhere it stays one line,
// which a program may look for.
func (t *Story) lines(text string) []string {
	if !t.screen.terminal {
		return []string{text}
	}
	return wrap(text, t.screen.columns()-6)
}

// Sampled implements stage.Teller.
func (t *Story) Sampled(s stage.Sample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.samples = stage.Thin(append(t.samples, s))
	t.screen.Draw(live(t.samples))
}

// live is how it looks at the last of the samples.
func live(samples []stage.Sample) []string {
	lines := append([]string{""}, curves(samples, false)...)
	if s := samples[len(samples)-1]; s.Asked > 0 {
		cells := int(min(s.Received, s.Asked) * barWidth / s.Asked)
		lines = append(lines, fmt.Sprintf("    %-10s %9s  %s%s of %s", "finished", thousands(s.Received),
			strings.Repeat("█", cells), strings.Repeat("░", barWidth-cells), thousands(s.Asked)))
	}
	return lines
}

// End shows what was measured, explains, and gives the verdict.
func (t *Story) End(r stage.Result, explain string) {
	t.screen.Clear()
	if anyDepth(r.Depths) {
		t.screen.Print("\n%s", strings.Join(curves(r.Depths, true), "\n"))
	}
	t.screen.Print("")
	for _, table := range r.Tables {
		t.screen.Print("%s\n", strings.Join(align(table), "\n"))
	}
	if len(r.Tables) == 0 && len(r.Measured) > 0 { // a table shows them better
		for _, m := range r.Measured {
			t.screen.Print("    %-44s %10s %s", m.Name, number(m.Value), m.Unit)
		}
		t.screen.Print("")
	}
	if r.Verdict != stage.Skipped {
		t.paragraph("Explain", explain)
		t.screen.Print("")
	}
	t.screen.Print("%s", t.verdict(r))
	if r.Verdict == stage.Fails {
		t.screen.Print("         Play it again with --seed %d", r.Seed)
	}
}

// Summary lists the verdicts of several scenarios.
func (t *Story) Summary(all []stage.Result) {
	t.screen.Print("")
	for _, r := range all {
		t.screen.Print("%s", t.verdict(r))
	}
}

// verdict is a result in one line.
func (t *Story) verdict(r stage.Result) string {
	word, color := "HOLDS", green
	switch r.Verdict {
	case stage.Skipped:
		word, color = "SKIPPED", yellow
	case stage.Fails:
		word, color = "FAILS", red
	}
	line := fmt.Sprintf("%s  %-20s %6.1f s", t.screen.color(color, fmt.Sprintf("%-7s", word)), r.Scenario, r.Seconds)
	if r.Why != "" {
		line += "  " + r.Why
	}
	return line
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
