package view

import (
	"slices"
	"strings"
	"time"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/shared/topology"
)

// The chart's drawing: its plane in the viewBox.
const (
	chartLeft, chartRight = 76.0, 850.0
	chartTop, chartBottom = 10.0, 196.0
	chartPoints           = 150 // at most, drawn for a line
)

// chart is the cumulative flow chart: the four counts over time. The gap between
// two lines is a queue.
type chart struct {
	Last                     string // "5 minutes"
	Left, Right, Top, Bottom float64
	Bands                    []band
	Lines                    []line
	Across                   []tick // horizontal rules
	Down                     []tick
	Summary                  string // in words
}

type band struct{ Class, Path string }

type line struct{ Class, Name, Path string }

type tick struct {
	At    float64
	Label string
}

// legendEntry is a line of the chart, or the gap between two.
type legendEntry struct {
	Class, Name string
	Gap         bool
}

func legend() (entries []legendEntry) {
	for i, name := range topology.LedgerNames {
		if i > 0 {
			entries = append(entries, legendEntry{Class: gapClass(i), Name: topology.QueueNames[i-1], Gap: true})
		}
		entries = append(entries, legendEntry{Class: lineClass(i), Name: name})
	}
	return entries
}

func lineClass(ledger int) string { return "line l" + string(rune('1'+ledger)) }

// gapClass is of the gap above a ledger's line.
func gapClass(ledger int) string { return "band q" + string(rune('0'+ledger)) }

// newChart ends at the last point. Times are steps apart, so that the picture of
// what stands still stays the same.
func newChart(history []feed.Point, window time.Duration) chart {
	c := chart{Last: "minute", Left: chartLeft, Right: chartRight, Top: chartTop, Bottom: chartBottom}
	if window > time.Minute {
		c.Last = count(uint64(window/time.Minute)) + " minutes"
	}
	step := max(window/chartPoints, time.Second)
	points := thin(history, window, step)
	low, high, between := bounds(points)
	x := func(p feed.Point) float64 {
		ago := points[len(points)-1].At.Truncate(step).Sub(p.At.Truncate(step))
		return chartRight - (chartRight-chartLeft)*float64(max(0, min(ago, window)))/float64(window)
	}
	y := func(n uint64) float64 {
		return chartBottom - (chartBottom-chartTop)*float64(n-min(n, low))/float64(high-low)
	}
	lines := make([][]string, len(topology.LedgerNames))
	for i := range lines {
		for _, p := range points {
			lines[i] = append(lines[i], fraction(x(p))+","+fraction(y(p.Ledgers[i])))
		}
	}
	for i, name := range topology.LedgerNames {
		c.Lines = append(c.Lines, line{Class: lineClass(i), Name: name, Path: strings.Join(lines[i], " ")})
		if i > 0 {
			back := slices.Clone(lines[i])
			slices.Reverse(back)
			c.Bands = append(c.Bands, band{Class: gapClass(i), Path: strings.Join(slices.Concat(lines[i-1], back), " ")})
		}
	}
	label := count
	if between%1000 == 0 {
		label = brief
	}
	for n := low; n <= high; n += between {
		c.Across = append(c.Across, tick{At: y(n), Label: label(n)})
	}
	parts, unit, name := 5, time.Minute, " min"
	if window <= time.Minute {
		parts, unit, name = 4, time.Second, " s"
	}
	for i := range parts + 1 {
		ago := "now"
		if i > 0 {
			ago = "−" + count(uint64(window*time.Duration(i)/time.Duration(parts)/unit)) + name
		}
		c.Down = append(c.Down, tick{At: chartRight - (chartRight-chartLeft)*float64(i)/float64(parts), Label: ago})
	}
	c.Summary = summary(points)
	return c
}

// thin returns the points of the window, one a step, from the last one before it
// on: there the lines come in. Of those that are all the same it leaves out what
// is between the first and the last.
func thin(history []feed.Point, window, step time.Duration) (points []feed.Point) {
	for i, p := range history {
		last := i == len(history)-1
		if !last && history[i+1].At.Truncate(step).Equal(p.At.Truncate(step)) {
			continue
		}
		if !last && history[len(history)-1].At.Truncate(step).Sub(history[i+1].At.Truncate(step)) >= window {
			continue
		}
		if n := len(points); n >= 2 && points[n-2].Ledgers == p.Ledgers && points[n-1].Ledgers == p.Ledgers {
			points[n-1] = p
			continue
		}
		points = append(points, p)
	}
	return points
}

// bounds are round numbers below and above all counts, a few steps apart.
func bounds(points []feed.Point) (low, high, step uint64) {
	for i, p := range points {
		least := slices.Min(p.Ledgers[:])
		if i == 0 || least < low {
			low = least
		}
		high = max(high, slices.Max(p.Ledgers[:]))
	}
	step = round(max((high-low+3)/4, 1))
	low -= low % step
	high = max(high+step-1, low+step)
	return low, high - high%step, step
}

// summary is the chart for who cannot see it.
func summary(points []feed.Point) string {
	if len(points) == 0 {
		return "nothing yet"
	}
	var parts []string
	first, last := points[0], points[len(points)-1]
	for i, name := range topology.LedgerNames {
		parts = append(parts, name+" "+count(first.Ledgers[i])+" to "+count(last.Ledgers[i]))
	}
	return strings.Join(parts, ", ")
}
