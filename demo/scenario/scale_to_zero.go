package scenario

import (
	"time"

	"decoupled.example/console/drain"
	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var scaleToZero = Scenario{
	Name:  "scale-to-zero",
	Title: "work waits for the next replica, and the depth tells the truth",
	Claim: "Either service can be scaled to zero while work arrives. At every moment the depth of its queue is the unfinished work, and when all depths are 0 all work is finished.",
	Predict: "There is no generator, and 1,000 requests are asked. What does the queue say? Then one generator starts and fetches messages ahead of its work: " +
		"does the depth fall to 0 at once, or as the work is done?",
	Explain: "A message leaves its queue only when it is acked, and it is acked only when everything it has caused is stored. " +
		"So the depth counts waiting messages and messages in flight alike. A broker that acks on delivery would say 0 as soon as the consumer has fetched everything, with all the work still to do.",
	Needs: single,
	Play: func(s *stage.Stage) {
		n := s.Requests(1000)
		s.Step("no generator, one requestor; %d requests", n)
		s.Configure(func(c *deployment.Settings) { c.Generator.Work = 2 * time.Millisecond })
		s.Scale(1, 0)
		s.Ask(n)
		stays(s, topology.Requests, n)

		s.Step("one generator, 2 ms of work for each")
		s.ScaleGenerators(1)
		depths := watchFalling(s, n)
		// All and nothing are two. Storing takes no work that would slow the second fall.
		s.Holds("it falls little by little", depths > 2, "%d different depths were seen", depths)

		s.Step("now no requestor, and one generator without work to wait for; %d more requests", n)
		s.Scale(0, 0)
		s.Configure(func(c *deployment.Settings) { c.Generator.Work = 0 })
		s.ScaleGenerators(1)
		s.Ask(n)
		s.WaitDepth(topology.Responses, n)
		stays(s, topology.Responses, n)

		s.Step("one requestor")
		s.ScaleRequestors(1)
		s.Report("%d different depths were seen", watchFalling(s, 2*n))
		s.Verified(2 * n)
	},
}

// stays looks again and again, for longer than a message may be in hand, whether
// a queue's depth is what nobody can have changed.
func stays(s *stage.Stage, queue string, n int) {
	least, most, readings := n, n, 0
	begun := time.Now()
	s.Until("what waits was watched", func() bool {
		depth := s.Depth(queue)
		least, most = min(least, depth), max(most, depth)
		readings++
		return time.Since(begun) > ackWait
	})
	s.Holds("what waits stays", least == n && most == n, "%s is from %d to %d deep, in %d readings", queue, least, most, readings)
}

// watchFalling reads the depths until they say that all is finished, and judges
// every reading by the ledgers: what is in no queue must be recorded as done. The
// queues are read in the order a request passes them, and the ledger after them,
// so what moves on meanwhile is counted twice rather than not at all. It returns how
// many different depths it has read.
func watchFalling(s *stage.Stage, total int) int {
	type reading struct{ unfinished, received int }
	var lies []reading
	depths := make(map[int]bool)
	readings := 0
	s.Until("all is finished", func() bool {
		drained, snapshot, err := drain.Check(s.Context(), s.Operator().JS)
		s.Must(err)
		r := reading{int(snapshot.Unfinished()), s.Count(topology.Received)}
		if r.unfinished+r.received < total {
			lies = append(lies, r)
		}
		readings++
		depths[r.unfinished] = true
		return drained
	})
	s.Holds("the depth tells the truth while it falls", len(lies) == 0, "%d of %d readings said less than was unfinished%s", len(lies), readings, also(lies))
	return len(depths)
}
