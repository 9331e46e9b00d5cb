package scenario

import (
	"encoding/json"
	"sync"

	"github.com/nats-io/nats.go"

	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var wiretap = Scenario{
	Name:    "wiretap",
	Title:   "a third party reads along, and nobody notices",
	Claim:   "Anyone who may can read the traffic by a plain subscription, from one moment to the next, without either service, a queue, or a setting being touched.",
	Predict: "A program that nobody has heard of subscribes to all subjects of the services while they work. Does it take messages away from them? Must anything be told of it?",
	Explain: "A message is published to a subject, and the queue is one of those who listen there. Who else listens gets a copy, once, unconfirmed: good for looking and for counting, while the queue keeps what must not be lost.",
	Needs:   single,
	Play: func(s *stage.Stage) {
		n := s.Requests(1000)
		s.Step("a requestor and two generators; %d requests", n)
		s.Scale(1, 2)
		s.Ask(n)
		s.Drained()
		consumers := consumerCount(s)

		s.Step("a third party listens; %d more", n)
		nc := s.Connect("third-party")
		defer nc.Close()
		heard := listen(s, nc)
		second := s.Ask(n)
		s.Drained()
		complete := 0
		s.Until("the third party has heard all", func() bool {
			complete = 0
			for _, request := range second {
				if heard.count(request.ID) >= len(topology.QueueNames) {
					complete++
				}
			}
			return complete == n
		})
		s.Holds("it heard everything", complete == n, "of %d of %d requests it heard the request, the response and the receipt", complete, n)
		now := consumerCount(s)
		s.Holds("no queue has noticed", now == consumers, "%d consumers before, %d now", consumers, now)

		s.Step("it leaves in the middle; %d more", n)
		asked := s.AskMeanwhile(n, 100)
		nc.Close()
		asked()
		s.Drained()
		s.Verified(3 * n)
	},
}

// hearing is what a third party has heard: of each request, on which subjects.
type hearing struct {
	mu sync.Mutex
	of map[string]map[string]bool
}

// listen hears what is published from now on.
func listen(s *stage.Stage, nc *nats.Conn) *hearing {
	h := &hearing{of: make(map[string]map[string]bool)}
	sub, err := nc.Subscribe("strings.>", func(m *nats.Msg) {
		var message struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(m.Data, &message) == nil {
			h.add(message.ID, m.Subject)
		}
	})
	s.Must(err)
	s.Must(sub.SetPendingLimits(-1, -1)) // who listens slowly would miss some
	s.Must(nc.Flush())
	return h
}

func (h *hearing) add(id, subject string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[id] == nil {
		h.of[id] = make(map[string]bool)
	}
	h.of[id][subject] = true
}

func (h *hearing) count(id string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.of[id])
}

// consumerCount is how many consumers all queues have.
func consumerCount(s *stage.Stage) (n int) {
	for _, queue := range topology.QueueNames {
		stream, err := s.Operator().JS.Stream(s.Context(), queue)
		s.Must(err)
		n += stream.CachedInfo().State.Consumers
	}
	return n
}
