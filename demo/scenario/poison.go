package scenario

import (
	"fmt"
	"strings"
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var poison = Scenario{
	Name:    "poison",
	Title:   "bad messages go aside with their reasons, good ones do not wait",
	Claim:   "What cannot be done is set aside with the reason: at once if nobody can read it, after five attempts if it fails. Everything else flows. Once the fault is mended, what was set aside is put back and completes.",
	Predict: "One request in fifty makes the generator fail, each time it is tried, and other programs write rubbish into the queue. What was not done a queue delivers again, for ever. How much longer do the good requests take?",
	Explain: "A batch that fails is handled again one by one, so one bad message takes no others along. A failed one comes back later and later, and the queue goes on meanwhile. " +
		"A dead letter holds the message as it was and why nobody could do it, so that a person can look, mend, and put it back.",
	Needs: single,
	Play: func(s *stage.Stage) {
		n := s.Requests(1000)
		fraction := max(0.02, 20/float64(n))
		s.Step("%d good requests", n)
		s.Scale(1, 2)
		s.Alive(1, 2)
		s.Ask(n)
		s.Drained()
		clean := flow(s, 0)
		s.MeasureTime("the good ones, without poison, took", clean)

		s.Step("a generator with a fault that makes one request in %.0f fail; %d requests, and %d messages of rubbish", 1/fraction, n, len(rubbish()))
		s.ScaleGenerators(0)
		s.Configure(func(c *deployment.Settings) { c.Generator.Fail = fraction })
		s.ScaleGenerators(2)
		s.Alive(1, 2)
		thrown := rubbish()
		for _, w := range thrown {
			w.publish(s)
		}
		s.Ask(n)
		s.Drained()
		poisoned := flow(s, n)
		s.MeasureTime("the good ones, with poison, took", poisoned)
		if s.Long() {
			s.Holds("the good ones do not wait", poisoned < 2*clean+time.Second, "they took %v, and %v without poison", poisoned, clean)
		}
		good, letter := lastOf(s)
		s.Holds("the last good one does not wait for the last bad one", good.Before(letter), "it was finished %v before that was set aside", inRound(letter.Sub(good)))
		failing := judgeLetters(s, thrown)
		v := s.Verify()
		s.Holds("all others are complete", v.Finished() && int(v.Complete) == 2*n-failing && int(v.Dead) == failing,
			"%d of %d are complete, %d failed and were set aside", v.Complete, 2*n, v.Dead)

		s.Step("the fault is mended; what failed is put back, the rubbish thrown away")
		s.ScaleGenerators(0)
		s.Configure(func(c *deployment.Settings) { c.Generator.Fail = 0 })
		s.ScaleGenerators(2)
		dead, all := readLetters(s)
		for _, l := range all {
			if failed(l) {
				s.Must(dead.Redrive(s.Context(), l))
			} else {
				s.Must(dead.Discard(s.Context(), l))
			}
		}
		s.Drained()
		s.Verified(2 * n)
	},
}

// flow is how long all but the first few requests took, from the first one asked
// to the last one received.
func flow(s *stage.Stage, skip int) time.Duration {
	edge := func(ledger string) (first, last time.Time) {
		i := 0
		s.Entries(ledger, func(_ string, _ []byte, kept time.Time) {
			if i == skip {
				first = kept
			}
			i, last = i+1, kept
		})
		return first, last
	}
	begun, _ := edge(topology.Asked)
	_, ended := edge(topology.Received)
	return ended.Sub(begun)
}

// lastOf is when the last request was finished, and when the last one that fails
// was set aside.
func lastOf(s *stage.Stage) (good, bad time.Time) {
	s.Entries(topology.Received, func(_ string, _ []byte, kept time.Time) { good = kept })
	_, all := readLetters(s)
	for _, l := range all {
		if failed(l) {
			bad = l.Stored
		}
	}
	return good, bad
}

// judgeLetters judges what was set aside, and returns how many requests failed.
func judgeLetters(s *stage.Stage, thrown []waste) (failing int) {
	_, all := readLetters(s)
	reasons := make(map[string]string) // of rubbish, by its body
	wrong := make([]string, 0)
	for _, l := range all {
		switch {
		case !failed(l):
			reasons[string(l.Body)] = l.Reason
		case l.Attempts != attempts:
			wrong = append(wrong, fmt.Sprintf("%s was dead-lettered after %d attempts", l.RequestID, l.Attempts))
			fallthrough
		default:
			failing++
		}
	}
	s.Holds("requests that fail are set aside after five attempts", failing > 0 && len(wrong) == 0, "%d requests%s", failing, also(wrong))
	wrong = wrong[:0]
	for _, w := range thrown {
		if reason, found := reasons[w.body]; !found || !strings.Contains(reason, w.reason) {
			wrong = append(wrong, fmt.Sprintf("%s: %q", w.what, reason))
		}
	}
	first := thrown[0]
	saw := fmt.Sprintf("%d of %d, such as %q for %s", len(thrown)-len(wrong), len(thrown), reasons[first.body], first.what)
	s.Holds("rubbish is set aside with its reason", len(wrong) == 0 && len(all) == failing+len(thrown), "%s%s", saw, also(wrong))
	return failing
}

// attempts is how often a message may fail.
const attempts = 5
