package scenario

import (
	"fmt"
	"time"

	"decoupled.example/console/pause"
	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var brokerRestart = Scenario{
	Name:    "broker-restart",
	Title:   "the broker dies with data in all queues, and the services carry on",
	Claim:   "After a crash the broker still has everything it has confirmed. The services reconnect without help and continue where they were.",
	Predict: "Each queue holds work, replicas of both services are connected, and the broker is killed and started again. What is lost? What must be restarted? How long is the gap?",
	Explain: "A confirmation means that the message is in the broker's file, and a process that dies takes no file with it. A machine that loses power may: then the broker must sync before it confirms. " +
		"A service that loses its connection keeps reconnecting. Once connected it asks for messages again, instead of waiting for the answer to a request that the broker no longer knows.",
	Needs: single,
	Play: func(s *stage.Stage) {
		n := s.Requests(500)
		s.Step("%d messages in each queue: delivery is paused, replicas of both services run", n)
		s.Configure(func(c *deployment.Settings) { c.Generator.Work = 2 * time.Millisecond }) // so that no load is over at once
		s.Scale(2, 2)
		for _, queue := range []string{topology.Receipts, topology.Responses, topology.Requests} {
			s.Must(pause.Queue(s.Context(), s.Operator().JS, queue, pause.Forever))
			s.Ask(n)
			s.WaitDepth(queue, n)
		}

		s.Step("the broker dies and restarts; delivery is resumed")
		s.CrashBroker("")
		s.StartBroker("")
		kept := 0
		for _, queue := range topology.QueueNames {
			kept += s.Depth(queue)
		}
		s.Holds("the queues are as they were", kept == 3*n, "%d of %d messages are there", kept, 3*n)
		for _, queue := range topology.QueueNames {
			s.Must(pause.Resume(s.Context(), s.Operator().JS, queue))
		}
		s.Drained()

		total := 3 * n
		for death := 1; death <= 2; death++ {
			s.Step("it dies again under load: a hundred requests at a time, until it is back")
			before := s.Count(topology.Received)
			stop := s.Load(100)
			s.Until("under load", func() bool { return s.Count(topology.Received) > before+n/10 })
			died := time.Now()
			s.CrashBroker("")
			s.StartBroker("")
			without, back := time.Since(died), s.BrokerTime()
			finished := s.Count(topology.Received)
			s.Until("the services go on", func() bool { return s.Count(topology.Received) > finished })
			total += stop()
			gap := firstAfter(s, back).Sub(back)
			if s.Long() {
				s.Holds("the services go on within two seconds", gap < 2*time.Second, "the first result came after %v", inRound(gap))
			}
			s.Report("%v without a broker, which restarted with %d of %d requests finished; the first result came %v later", inRound(without), finished, total, inRound(gap))
			s.MeasureTime(fmt.Sprintf("death %d: without a broker", death), without)
			s.MeasureTime(fmt.Sprintf("death %d: from its return to the first result", death), gap)
			s.Drained()
		}
		s.Alive(2, 2)
		s.Verified(total)
	},
}

// firstAfter is when, after a time of the broker's clock, a request was finished first.
func firstAfter(s *stage.Stage, after time.Time) (first time.Time) {
	s.Entries(topology.Received, func(_ string, _ []byte, kept time.Time) {
		if first.IsZero() && kept.After(after) {
			first = kept
		}
	})
	return first
}
