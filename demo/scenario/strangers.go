package scenario

import (
	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var strangers = Scenario{
	Name:    "strangers",
	Title:   "neither side needs the other to have ever existed",
	Claim:   "A requestor works where no generator has ever run, and a generator where no requestor has ever run. The side that starts later finds everything.",
	Predict: "With publish and subscribe, a message is gone if nothing is listening. A requestor asks on a system that has never seen a generator. How many of its requests are answered once the first generator starts?",
	Explain: "A service publishes to a queue and not to another service. The queue was created before either of them and stores what it is given. The consumer's position in it belongs to the queue and not to any replica.",
	Needs:   single,
	Play: func(s *stage.Stage) {
		n := s.Requests(500)
		s.Step("a requestor starts and asks %d times; no generator has ever existed", n)
		s.Configure(func(c *deployment.Settings) { c.Requestor.Rate, c.Requestor.Count = float64(2*n), n })
		s.Scale(1, 0)
		s.Until("all is asked", func() bool { return s.Count(topology.Asked) == n })
		depth := s.Depth(topology.Requests)
		s.Holds("all requests wait", depth == n, "REQUESTS is %d deep", depth)
		s.Step("the first generator starts")
		s.ScaleGenerators(1)
		s.Until("all is received", func() bool { return s.Count(topology.Received) == n })
		s.Drained()
		s.Verified(n)

		s.Step("again from the start: a generator starts; no requestor has ever existed; the console asks %d times", n)
		s.Fresh()
		s.ScaleGenerators(1)
		s.Ask(n)
		s.WaitDepth(topology.Responses, n)
		stored := s.Count(topology.Stored)
		s.Holds("all responses wait", stored == 0, "RESPONSES is %d deep, %d are stored", n, stored)
		s.Step("the first requestor starts")
		s.ScaleRequestors(1)
		s.Drained()
		s.Verified(n)
	},
}
