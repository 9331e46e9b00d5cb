package scenario

import (
	"fmt"
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var failover = Scenario{
	Name:    "failover",
	Title:   "the leader of a queue dies, and neither side has to know",
	Claim:   "On three nodes every message is on each of them. When the node that leads a queue dies, another one takes over: nothing is lost, and no service is restarted.",
	Predict: "Under load the leaders of the queues and of a ledger are killed, one after the other. How long is each gap in which nothing is finished? Which confirmed messages are missing?",
	Explain: "A message is confirmed when a majority of the nodes has it, so the next leader has it too. The gap is the time to notice the death and to elect. Services reconnect to any node that is left, and publishers repeat what was not confirmed, under the same ID.",
	Needs:   deployment.Needs{Nodes: 3, Topology: topology.Settings{AckWait: ackWait}},
	Play: func(s *stage.Stage) {
		n := s.Requests(3000)
		s.Step("three nodes, three copies; two requestors, two generators; fifty requests at a time")
		s.Scale(2, 2)
		s.Alive(2, 2)
		total, each := 0, n/4
		for _, stream := range []string{topology.Requests, topology.Responses, topology.Receipts, "KV_" + topology.Stored} {
			before := s.Count(topology.Received)
			stop := s.Load(50)
			s.Until("under load", func() bool { return s.Count(topology.Received) > before+each/10 })
			leader := s.Leader(stream)
			s.Step("%s leads %s, and dies", leader, stream)
			died := s.BrokerTime()
			s.CrashBroker(leader)
			after := s.Count(topology.Received)
			s.Until("the services go on without it", func() bool { return s.Count(topology.Received) > after+each/10 })
			asked := stop()
			total += asked
			s.Until("all is finished without it", func() bool { return s.Count(topology.Received) >= total })
			gap, finished := longestGap(s, died)
			s.Report("%s leads now; for %v nothing was finished; %d of %d were finished after its death",
				s.Leader(stream), gap.Round(time.Millisecond), finished, asked)
			s.MeasureTime(fmt.Sprintf("gap after the death of the leader of %s", stream), gap)
			s.StartBroker(leader)
			s.InSync()
		}
		s.Drained()
		s.Verified(total)
	},
}

// longestGap is the longest time, from a time of the broker's clock on, in which
// no request was finished, and how many were.
func longestGap(s *stage.Stage, from time.Time) (longest time.Duration, finished int) {
	last := from
	s.Entries(topology.Received, func(_ string, _ []byte, kept time.Time) {
		if kept.After(from) {
			longest, last = max(longest, kept.Sub(last)), kept
			finished++
		}
	})
	return longest, finished
}
