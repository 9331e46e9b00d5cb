package screen

import "decoupled.example/demo/stage"

// sparkWidth is how many cells a sparkline takes at most.
const sparkWidth = 42

// levels are the heights of a sparkline's cell, the first one for a queue that
// is nearly empty. One that is empty must not look like it.
var levels = []rune("▁▂▃▄▅▆▇█")

const levelNone = '·'

// spark draws values as one line, relative to highest. When there are more than
// fit, a cell shows the highest of its values.
func spark(values []uint64, highest uint64) string {
	cells := min(len(values), sparkWidth)
	line := make([]rune, cells)
	for i := range line {
		var value uint64
		for _, v := range values[i*len(values)/cells : (i+1)*len(values)/cells] {
			value = max(value, v)
		}
		line[i] = levelNone
		if value > 0 {
			line[i] = levels[min(value*uint64(len(levels))/max(highest, 1), uint64(len(levels)-1))]
		}
	}
	return string(line)
}

// depths are the depths of one queue over time, and highest the deepest of all.
func depths(samples []stage.Sample, queue int) (values []uint64, highest uint64) {
	for _, s := range samples {
		for i, q := range s.Queues {
			highest = max(highest, q.Messages)
			if i == queue {
				values = append(values, q.Messages)
			}
		}
	}
	return values, highest
}
