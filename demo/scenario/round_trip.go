package scenario

import (
	"encoding/json"
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

var roundTrip = Scenario{
	Name:    "round-trip",
	Title:   "ask, generate, store, confirm",
	Claim:   "Each request is answered with a string of its own, which is stored and confirmed. The queues in between cost milliseconds.",
	Predict: "A request passes three queues and four ledgers, each on disk, each confirmed by the broker. How long does it take at a steady pace?",
	Explain: "An idle consumer has already asked the broker for the next message, so it gets it the moment it is stored. Under load messages travel in batches, and many share a confirmation.",
	Needs:   single,
	Play: func(s *stage.Stage) {
		n := s.Requests(1000)
		rate := max(300, float64(n)/20)
		s.Step("one requestor, two generators; %d requests at %.0f a second", n, rate)
		s.Configure(func(c *deployment.Settings) { c.Requestor.Rate, c.Requestor.Count = rate, n })
		s.ScaleGenerators(2)
		s.Alive(0, 2)
		s.ScaleRequestors(1)
		s.Until("all is received", func() bool { return s.Count(topology.Received) >= n })
		s.Drained()

		strange, strings := 0, make(map[string]bool)
		s.Entries(topology.Stored, func(id string, value []byte, _ time.Time) {
			var response contract.Response
			if json.Unmarshal(value, &response) != nil || response.Validate() != nil || response.ID != id {
				strange++
			}
			strings[response.String] = true
		})
		s.Holds("each request has a string of its own", strange == 0 && len(strings) == n, "%d strings, %d of them not of the contract's form", len(strings), strange)
		s.Verified(n)
		measureHops(s)
	},
}

// hops are the steps of a request, from the ledger before to the ledger after.
var hops = []struct{ name, from, to string }{
	{"asked to generated", topology.Asked, topology.Generated},
	{"generated to stored", topology.Generated, topology.Stored},
	{"stored to received", topology.Stored, topology.Received},
	{"asked to received", topology.Asked, topology.Received},
}

// measureHops measures how long each hop took. A ledger's entry is stamped by the
// broker's clock. That of "asked" is written after the request is on its way, so
// the request's own time stands for it, by the requestor's clock.
func measureHops(s *stage.Stage) {
	at := make(map[string]map[string]time.Time)
	for _, name := range topology.LedgerNames {
		at[name] = make(map[string]time.Time)
		s.Entries(name, func(id string, value []byte, kept time.Time) {
			var request contract.Request
			if name == topology.Asked && json.Unmarshal(value, &request) == nil {
				kept = request.RequestedAt
			}
			at[name][id] = kept
		})
	}
	rows := make([][]string, 0, len(hops))
	for _, hop := range hops {
		took := make([]time.Duration, 0, len(at[hop.from]))
		for id, from := range at[hop.from] {
			took = append(took, at[hop.to][id].Sub(from))
		}
		q := quantiles(took, 0.50, 0.99, 1)
		rows = append(rows, []string{hop.name, inMilliseconds(q[0]), inMilliseconds(q[1]), inMilliseconds(q[2])})
		s.MeasureTime("latency "+hop.name+", median", q[0])
		s.MeasureTime("latency "+hop.name+", 99 of 100", q[1])
	}
	s.Table([]string{"latency in ms", "median", "99 of 100", "slowest"}, rows...)
}
