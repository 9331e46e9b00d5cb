package scenario

import (
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

// smallQueue is how many bytes a queue holds here: about a thousand requests.
const smallQueue = 256 << 10

var backPressure = Scenario{
	Name:    "back-pressure",
	Title:   "a full queue slows its publisher down and loses nothing",
	Claim:   "When a queue is full, its publisher waits, and no request counts as asked before it is stored. When there is room again, the publisher catches up.",
	Predict: "The queue has room for about 1,000 requests. There is no generator, and a requestor asks as fast as it can. What happens to the request that does not fit: is it dropped, is it an error, or is the oldest one thrown out?",
	Explain: "The broker refuses what does not fit and never drops what it has. The publisher repeats a refused request, under the same ID, until it is confirmed, and records it as asked only then. So the limit of the queue reaches back to the one who asks.",
	Needs:   deployment.Needs{Topology: topology.Settings{AckWait: ackWait, MaxBytes: smallQueue}},
	Play: func(s *stage.Stage) {
		n := max(s.Requests(3000), 3000) // fewer would fit
		s.Step("no generator; a requestor asks %d times, as fast as it can", n)
		s.Configure(func(c *deployment.Settings) { c.Requestor.Rate, c.Requestor.Count = max(2000, float64(n)/10), n })
		s.ScaleRequestors(1)
		full := settled(s)
		asked := s.Count(topology.Asked)
		s.Holds("the queue is full and not all is asked", full < n && asked < n, "REQUESTS is %d deep, %d of %d are asked", full, asked, n)
		s.Holds("no request counts as asked before it is stored", asked <= full, "%d are asked, %d are stored", asked, full)

		s.Step("one generator")
		begun := time.Now()
		s.ScaleGenerators(1)
		s.Until("all is asked", func() bool { return s.Count(topology.Asked) >= n })
		s.MeasureTime("the rest was asked within", time.Since(begun))
		s.Drained()
		s.Verified(n)
	},
}

// settled waits until the queue of requests takes no more, and returns its depth.
func settled(s *stage.Stage) int {
	last, since := -1, time.Now()
	s.Until("the queue is full", func() bool {
		if depth := s.Depth(topology.Requests); depth != last {
			last, since = depth, time.Now()
		}
		stream, err := s.Operator().JS.Stream(s.Context(), topology.Requests)
		s.Must(err)
		nearly := stream.CachedInfo().State.Bytes > smallQueue-1024
		return nearly && time.Since(since) > time.Second
	})
	return last
}
