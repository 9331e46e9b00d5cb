package scenario

import (
	"fmt"
	"slices"
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var competingConsumers = Scenario{
	Name:    "competing-consumers",
	Title:   "more replicas share the work, and nothing divides it",
	Claim:   "Replicas of one service share their queue evenly. With twice the replicas the same work takes half the time.",
	Predict: "1, 2, 4 and 8 generators work off the same backlog, with 5 ms of work for each request. There is no load balancer in front of them. How even are the shares? How much faster are eight?",
	Explain: "Each replica asks for more when it is ready for more, so a faster one gets more and a busy one is left alone. " +
		"A batch takes a quarter of a second at most, so no replica holds work for long that another could do.",
	Needs: single,
	Play: func(s *stage.Stage) {
		n := s.Requests(800)
		const work = 5 * time.Millisecond
		s.Configure(func(c *deployment.Settings) { c.Generator.Work = work })
		s.ScaleRequestors(1)
		var alone time.Duration
		var rows [][]string
		for _, replicas := range []int{1, 2, 4, 8} {
			s.Step("generators: %d; %d requests", replicas, n)
			took, shares := workOff(s, replicas, n)
			least, most := slices.Min(shares), slices.Max(shares)
			fair := n / replicas
			if replicas == 1 {
				alone = took
			} else {
				s.Holds(fmt.Sprintf("%d share evenly", replicas), 2*least >= fair && most <= 2*fair,
					"%d replicas, the fair share is %d, they have from %d to %d", len(shares), fair, least, most)
			}
			speedUp := alone.Seconds() / took.Seconds()
			if s.Long() {
				s.Holds(fmt.Sprintf("%d are faster", replicas), speedUp > 0.8*float64(replicas), "%.2f times as fast as one", speedUp)
			}
			s.Measure(fmt.Sprintf("speed-up of %d", replicas), speedUp, "times")
			rows = append(rows, []string{fmt.Sprint(replicas), fmt.Sprintf("%.2f", took.Seconds()), fmt.Sprintf("%.0f", float64(n)/took.Seconds()),
				fmt.Sprintf("%.2f", speedUp), fmt.Sprintf("%d to %d", least, most)})
		}
		s.Table([]string{"generators", "seconds", "requests/s", "speed-up", "shares"}, rows...)
		s.Drained()
		s.Verified(4 * n)
	},
}

// workOff has that many generators answer n requests. All of them are ready
// before the first request is asked. It returns how long that took and how many
// each of them answered.
func workOff(s *stage.Stage, replicas, n int) (time.Duration, []int) {
	s.ScaleGenerators(0)
	s.ScaleGenerators(replicas)
	s.Alive(1, replicas)
	s.Pulling(topology.Requests, replicas)
	before := s.Count(topology.Generated)
	begun := time.Now()
	s.Ask(n)
	s.Until("all is answered", func() bool { return s.Count(topology.Generated) >= before+n })
	took := time.Since(begun)
	s.Drained()
	var shares []int
	for _, r := range s.Replicas(topology.Generator, replicas) {
		shares = append(shares, int(r.Counts["answered"]))
	}
	return took, shares
}
