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
	Title:   "bad messages become dead letters with reasons, good ones do not wait",
	Claim:   "A message that cannot be processed is dead-lettered with its reason: at once if it is malformed, after five attempts if it fails. All other messages flow. Once the fault is fixed, the dead letters are redriven and complete.",
	Predict: "One request in fifty makes the generator fail at every attempt, and other programs write garbage into the queue. A queue redelivers a message that was not processed, without end. How much longer do the good requests take?",
	Explain: "A batch that fails is bisected, so one bad message takes no others with it. A failed message is redelivered after longer and longer pauses, and the queue flows meanwhile. " +
		"A dead letter holds the original message and the reason why it failed, so that an operator can look, fix the fault, and redrive it.",
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

		s.Step("a generator with a fault that makes one request in %.0f fail; %d requests, and %d malformed messages", 1/fraction, n, len(rubbish()))
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
		s.Holds("the last good one does not wait for the last bad one", good.Before(letter), "it was finished %v before that was dead-lettered", inRound(letter.Sub(good)))
		failing := judgeLetters(s, thrown)
		v := s.Verify()
		s.Holds("all others are complete", v.Finished() && int(v.Complete) == 2*n-failing && int(v.Dead) == failing,
			"%d of %d are complete, %d failed and were dead-lettered", v.Complete, 2*n, v.Dead)

		s.Step("the fault is fixed; the failed requests are redriven, the malformed messages discarded")
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
// was dead-lettered.
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

// judgeLetters judges the dead letters, and returns how many requests failed.
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
	s.Holds("requests that fail are dead-lettered after five attempts", failing > 0 && len(wrong) == 0, "%d requests%s", failing, also(wrong))
	wrong = wrong[:0]
	for _, w := range thrown {
		if reason, found := reasons[w.body]; !found || !strings.Contains(reason, w.reason) {
			wrong = append(wrong, fmt.Sprintf("%s: %q", w.what, reason))
		}
	}
	first := thrown[0]
	saw := fmt.Sprintf("%d of %d, such as %q for %s", len(thrown)-len(wrong), len(thrown), reasons[first.body], first.what)
	s.Holds("malformed messages are dead-lettered with their reason", len(wrong) == 0 && len(all) == failing+len(thrown), "%s%s", saw, also(wrong))
	return failing
}

// attempts is how often a message may fail.
const attempts = 5
