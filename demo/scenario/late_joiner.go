package scenario

import (
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var lateJoiner = Scenario{
	Name:    "late-joiner",
	Title:   "a replica that joins a backlog in progress gets its share at once",
	Claim:   "Replicas that are added while a backlog is being worked off relieve the others at once.",
	Predict: "Three generators work on a backlog and fetch ahead of their work. A fourth one starts. Is there anything left for it, or have the others taken everything?",
	Explain: "With the usual settings of the client library a consumer holds 500 messages or more. A replica that starts later finds the queue empty although the work is not done. " +
		"Here a replica takes at most a quarter of a second's work at a time.",
	Needs: single,
	Play: func(s *stage.Stage) {
		n := s.Requests(3000)
		const early = 3
		s.Configure(func(c *deployment.Settings) { c.Generator.Work = 5 * time.Millisecond })
		s.Step("%d requests wait; %d generators, 5 ms of work for each", n, early)
		s.Scale(1, 0)
		s.Ask(n)
		s.ScaleGenerators(early)
		s.Until("a tenth is done", func() bool { return s.Count(topology.Generated) > n/10 })
		first := answered(s, early)
		s.Step("one more generator; %d of %d are done", s.Count(topology.Generated), n)
		begun := time.Now()
		s.ScaleGenerators(early + 1)

		// What it gets from its first message on: how long a process takes to
		// start is another matter.
		var before map[string]int
		s.Until("it has answered", func() bool {
			before = answered(s, early+1)
			return newcomer(first, before) > 0
		})
		s.MeasureTime("from its start to its first answers", time.Since(begun))
		left := n - s.Count(topology.Generated)
		s.Report("it has answered %d; %d are left to do", newcomer(first, before), left)
		s.Drained()

		after := answered(s, early+1)
		late, others := 0, 0
		for replica, count := range after {
			if _, was := first[replica]; was {
				others += count - before[replica]
			} else {
				late += count - before[replica]
			}
		}
		share := float64(others) / early
		s.Measure("its answers, relative to each of the others'", float64(late)/max(share, 1), "")
		s.Holds("it gets its share", left > n/20 && 3*float64(late) > share && float64(late) < 3*share,
			"it answered %d, each of the others %.0f on average", late, share)
		s.Verified(n)
	},
}

// answered is how many requests each of that many generators has answered, by its instance.
func answered(s *stage.Stage, replicas int) map[string]int {
	counts := make(map[string]int)
	for _, r := range s.Replicas(topology.Generator, replicas) {
		counts[r.Instance] = int(r.Counts["answered"])
	}
	return counts
}

// newcomer is how many the one has answered that was not there at first.
func newcomer(first, now map[string]int) int {
	for replica, count := range now {
		if _, was := first[replica]; !was {
			return count
		}
	}
	return 0
}
