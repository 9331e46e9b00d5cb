package scenario

import (
	"slices"
	"strings"
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/generator"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

var dependencyOutage = Scenario{
	Name:    "dependency-outage",
	Title:   "a dependency is down, and no message pays for it",
	Claim:   "While a dependency of the generator is down, no request loses an attempt, few are tried at all, and the generators report why they wait. When the dependency is back, work continues at full speed.",
	Predict: "A requestor asks for 200 strings a second. For two seconds out of eight the database that the generators need is down, and every request they try fails at once. A request has five attempts. How many dead letters does an outage make? How often is each request tried?",
	Explain: "A handler that returns queue.Retry reports that a dependency failed, not the message. The message returns to its queue, and the attempt does not count. " +
		"The replica then tries one message at a time, with pauses that grow from 100 ms to 5 s, until one succeeds. After that it takes whole batches again.",
	Needs: single,
	Play: func(s *stage.Stage) {
		const generators = 2
		outage := generator.Options{Outage: 2 * time.Second, OutageEvery: 8 * time.Second}
		s.Step("a requestor asks for %d strings a second; %d generators, whose dependency is down for %v out of %v", rate, generators, outage.Outage, outage.OutageEvery)
		s.Configure(func(c *deployment.Settings) { c.Requestor.Rate, c.Generator = rate, outage })
		s.Scale(1, generators)
		var waiting []service.Status
		s.Until("all generators report the outage", func() bool {
			waiting = s.Replicas(topology.Generator, generators)
			return !slices.ContainsFunc(waiting, func(r service.Status) bool { return !reports(r, generator.ErrOutage.Error()) })
		})
		s.Report("a generator reports: %s", strings.Join(waiting[0].Problems, "; "))
		before := answered(s, generators)
		begun := time.Now()
		s.Until("all generators answer again, whole batches", func() bool {
			now := s.Replicas(topology.Generator, generators)
			return !slices.ContainsFunc(now, func(r service.Status) bool {
				return reports(r, generator.ErrOutage.Error()) || int(r.Counts["answered"]) == before[r.Instance]
			})
		})
		s.MeasureTime("they were seen to wait for", time.Since(begun))

		s.Step("the requestor stops asking")
		s.ScaleRequestors(0)
		s.Configure(func(c *deployment.Settings) { c.Requestor.Rate = 0 })
		s.ScaleRequestors(1)
		s.Drained()
		asked := s.Count(topology.Asked)
		failed, tried := 0, 0
		for _, r := range s.Replicas(topology.Generator, generators) {
			failed += int(r.Counts["failed"])
			tried += int(r.Counts["retried"])
		}
		s.Holds("the outage is charged to no request", failed == 0, "%d attempts of %d requests are counted as failed", failed, asked)
		s.Holds("few requests are tried while it lasts", 0 < tried && tried < asked/2, "%d of %d were tried and failed", tried, asked)
		s.Verified(asked)
	},
}

// reports tells whether one of a replica's problems contains a text.
func reports(r service.Status, text string) bool {
	return slices.ContainsFunc(r.Problems, func(p string) bool { return strings.Contains(p, text) })
}
