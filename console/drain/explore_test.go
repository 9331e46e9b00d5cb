package drain

// starts are the worlds that a search begins with: one request on its way, at
// each place, and more that may be asked.
var starts = []start{
	{"asked", []event{publish(0)}},
	{"generated", []event{publish(0), move(0, 0)}},
	{"stored", []event{publish(0), move(0, 0), move(0, 1)}},
	{"finished", []event{publish(0), move(0, 0), move(0, 1), move(0, 2)}},
	{"set aside from REQUESTS", []event{publish(0), setAside(0, 0)}},
	{"set aside from RECEIPTS", []event{publish(0), move(0, 0), move(0, 1), setAside(0, 2)}},
	{"two on their way", []event{publish(0), publish(1), move(0, 0)}},
}

type start struct {
	name   string
	events []event
}

// world is the world at the start, with two requests more.
func (s start) world() *world {
	w := newWorld(4)
	for _, e := range s.events {
		w.happen(e)
	}
	clear(w.moments[:]) // they were before
	return w
}

// choices are what happens in one run of a search: at each point where several
// things can happen, one of them. Runs differ in at least one choice.
type choices struct {
	made    []int // what was chosen
	of      []int // of how many
	next    int
	left    int // how many more events may happen
	stopped bool
}

// explore calls run with all choices that are possible with at most so many
// events.
func explore(events int, run func(*choices)) {
	c := &choices{}
	for {
		c.next, c.left = 0, events
		run(c)
		// The next run differs from this one in the last choice that can be
		// another one.
		last := len(c.made) - 1
		for last >= 0 && c.made[last]+1 == c.of[last] {
			last--
		}
		if last < 0 || c.stopped {
			return
		}
		c.made[last]++
		c.made, c.of = c.made[:last+1], c.of[:last+1]
	}
}

func (c *choices) stop() { c.stopped = true }

// choose is one choice of n.
func (c *choices) choose(n int) int {
	if c.next == len(c.made) {
		c.made, c.of = append(c.made, 0), append(c.of, n)
	}
	c.next++
	return c.made[c.next-1]
}

// events lets any of the possible events happen before each reading.
func (c *choices) events(w *world, k kinds) func(reading int) {
	return func(int) {
		for c.left > 0 && !w.decided {
			possible := w.possible(k)
			chosen := c.choose(len(possible) + 1)
			if chosen == 0 {
				return
			}
			c.left--
			w.happen(possible[chosen-1])
		}
	}
}
