package scenario

import (
	"encoding/json"
	"maps"

	"github.com/nats-io/nats.go"

	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var wiretap = Scenario{
	Name:    "wiretap",
	Title:   "a third party reads along, and neither service notices",
	Claim:   "A client with permission can read the traffic by a plain subscription at any time, without a change to a service, a queue, or a setting.",
	Predict: "A program that the services do not know subscribes to all their subjects while they work. Does it take messages away from them? Must they be told about it?",
	Explain: "A message is published to a subject, and the queue is one of the subscribers. Any other subscriber gets a copy, once and unconfirmed. That is good for looking and counting, while the queue stores what must not be lost.",
	Needs:   single,
	Play: func(s *stage.Stage) {
		n := s.Requests(1000)
		s.Step("a requestor and two generators; %d requests", n)
		s.Scale(1, 2)
		s.Ask(n)
		s.Drained()
		settings, consumers := queuesNow(s)
		replicas := replicasNow(s)

		s.Step("a third party listens; %d more", n)
		nc := s.Connect("third-party")
		defer nc.Close()
		heard := listen(s, nc)
		second := s.Ask(n)
		s.Drained()
		during, consuming := queuesNow(s)
		heard.end(s)
		complete := 0
		for _, request := range second {
			if len(heard.of[request.ID]) == len(topology.QueueNames) {
				complete++
			}
		}
		s.Holds("it heard everything", complete == n, "of %d of %d requests it heard the request, the response and the receipt", complete, n)
		s.Holds("no queue has noticed", during == settings && consuming == consumers, "%d consumers before, %d now; their settings are the same: %t", consumers, consuming, during == settings)
		now := replicasNow(s)
		s.Holds("no service has noticed", maps.Equal(replicas, now), "%d replicas before, %d now; they are the same: %t", len(replicas), len(now), maps.Equal(replicas, now))
		s.Verified(2 * n)

		s.Step("it listens again, and leaves under load")
		listen(s, nc)
		stop := s.Load(100)
		s.Until("under load", func() bool { return s.Count(topology.Received) > 2*n })
		nc.Close()
		s.Until("the services go on", func() bool { return s.Count(topology.Received) > 3*n })
		asked := stop()
		s.Drained()
		s.Verified(2*n + asked)
	},
}

// hearing is what a third party has heard: of each request, on which subjects.
type hearing struct {
	sub *nats.Subscription
	of  map[string]map[string]bool // to be read after end
}

// listen hears what is published from now on.
func listen(s *stage.Stage, nc *nats.Conn) *hearing {
	h := &hearing{of: make(map[string]map[string]bool)}
	var err error
	h.sub, err = nc.Subscribe("strings.>", func(m *nats.Msg) {
		var message struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(m.Data, &message) != nil {
			return
		}
		if h.of[message.ID] == nil {
			h.of[message.ID] = make(map[string]bool)
		}
		h.of[message.ID][m.Subject] = true
	})
	s.Must(err)
	s.Must(h.sub.SetPendingLimits(-1, -1)) // who listens slowly would miss some
	s.Must(nc.Flush())
	return h
}

// end hears what has been published until now, and then no more.
func (h *hearing) end(s *stage.Stage) {
	ended := h.sub.StatusChanged(nats.SubscriptionClosed)
	s.Must(h.sub.Drain())
	select {
	case <-ended:
	case <-s.Context().Done():
		s.Must(s.Context().Err())
	}
}

// queuesNow are the settings of all queues, and how many consumers they have.
func queuesNow(s *stage.Stage) (settings string, consumers int) {
	for _, queue := range topology.QueueNames {
		stream, err := s.Operator().JS.Stream(s.Context(), queue)
		s.Must(err)
		config, err := json.Marshal(stream.CachedInfo().Config)
		s.Must(err)
		settings += string(config)
		consumers += stream.CachedInfo().State.Consumers
	}
	return settings, consumers
}

// replicasNow are the requestor and the two generators. One that was restarted is
// another one.
func replicasNow(s *stage.Stage) map[string]bool {
	instances := make(map[string]bool)
	for _, r := range append(s.Replicas(topology.Requestor, 1), s.Replicas(topology.Generator, 2)...) {
		instances[r.Instance] = true
	}
	return instances
}
