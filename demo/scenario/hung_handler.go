package scenario

import (
	"strings"
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var hungHandler = Scenario{
	Name:    "hung-handler",
	Title:   "a handler hangs, and another replica takes over its messages",
	Claim:   "When a handler never returns, its messages are processed by another replica or another call, although its own replica is alive, connected and busy as far as the broker knows.",
	Predict: "Two generators make strings. Now and then a handler waits for an answer that never comes, with a whole batch of requests. Its process is alive and extends the ack deadline of the batch, as it should for long work. Which replica can get these requests, and when?",
	Explain: "A handler has a timeout (HANDLER_TIMEOUT). At the timeout its context ends. After a further tenth of it the replica stops extending the ack deadline, whether or not the handler has returned, and continues without it. " +
		"The broker then redelivers the batch to any replica. The replica reports calls that do not return, and fails its liveness check after twice the timeout, so that an orchestrator replaces it.",
	Needs: single,
	Play: func(s *stage.Stage) {
		const generators, timeout = 2, time.Second
		n := max(s.Requests(500), 500) // of fewer none might hang
		hang := 10 / float64(n)
		s.Step("%d requests wait; %d generators, one attempt in %.0f never returns; the timeout is %v", n, generators, 1/hang, timeout)
		s.Configure(func(c *deployment.Settings) { c.Generator.Hang, c.HandlerTimeout = hang, timeout })
		s.Scale(1, 0)
		s.Ask(n)
		s.ScaleGenerators(generators)
		var stuck []string
		s.Until("a handler hangs", func() bool {
			for _, r := range s.Replicas(topology.Generator, generators) {
				if reports(r, "have not returned") {
					stuck = r.Problems
				}
			}
			return stuck != nil
		})
		s.Report("a generator reports: %s", strings.Join(stuck, "; "))
		s.Drained()
		again := s.Redelivered()
		s.Holds("other calls have processed the hung messages", again > 0, "%d messages were redelivered, and all are processed", again)
		s.Verified(n)
	},
}
