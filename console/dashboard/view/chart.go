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
	Minutes                  float64
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

func newChart(history []feed.Point, now time.Time, window time.Duration) chart {
	c := chart{Minutes: window.Minutes(), Left: chartLeft, Right: chartRight, Top: chartTop, Bottom: chartBottom}
	points := thin(history, now, window)
	low, high, between := bounds(points)
	x := func(at time.Time) float64 {
		return chartRight - (chartRight-chartLeft)*float64(now.Sub(at))/float64(window)
	}
	y := func(n uint64) float64 {
		return chartBottom - (chartBottom-chartTop)*float64(n-min(n, low))/float64(high-low)
	}
	lines := make([][]string, len(topology.LedgerNames))
	for i := range lines {
		for _, p := range points {
			lines[i] = append(lines[i], fraction(x(p.At))+","+fraction(y(p.Ledgers[i])))
		}
	}
	for i, name := range topology.LedgerNames {
		c.Lines = append(c.Lines, line{Class: "l" + string(rune('1'+i)), Name: name, Path: strings.Join(lines[i], " ")})
		if i > 0 {
			back := slices.Clone(lines[i])
			slices.Reverse(back)
			c.Bands = append(c.Bands, band{Class: "q" + string(rune('0'+i)), Path: strings.Join(slices.Concat(lines[i-1], back), " ")})
		}
	}
	for n := low; n <= high; n += between {
		c.Across = append(c.Across, tick{At: y(n), Label: count(n)})
	}
	parts, unit, name := 5, time.Minute, " min"
	if window <= time.Minute {
		parts, unit, name = 4, time.Second, " s"
	}
	for i := range parts + 1 {
		ago := window * time.Duration(i) / time.Duration(parts)
		label := "now"
		if ago > 0 {
			label = "−" + count(uint64(ago/unit)) + name
		}
		c.Down = append(c.Down, tick{At: x(now.Add(-ago)), Label: label})
	}
	c.Summary = summary(points)
	return c
}

// thin returns the points of the window, not too many, and the same ones as long
// as they are in it.
func thin(history []feed.Point, now time.Time, window time.Duration) []feed.Point {
	step := max(window/chartPoints, time.Second).Milliseconds()
	var points []feed.Point
	bucket := int64(-1)
	for i, p := range history {
		if now.Sub(p.At) > window {
			continue
		}
		if b := p.At.UnixMilli() / step; b != bucket || i == len(history)-1 {
			points, bucket = append(points, p), b
		}
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
