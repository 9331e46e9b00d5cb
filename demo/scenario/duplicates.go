package scenario

import (
	"maps"
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

var duplicates = Scenario{
	Name:    "duplicates",
	Title:   "exactly once is an effect, not a delivery",
	Claim:   "A publisher repeats itself, and consumers crash after their work and before the ack. Each request still has one effect.",
	Predict: "All requests and receipts are published a second time, as a publisher does that has seen no confirmation. While they are processed again, replicas die. How many of them does the broker store as new? How many strings change, and how many exist twice?",
	Explain: "The broker stores what it is given and redelivers what was not acked. It could drop a message whose ID it has seen lately. But it knows IDs only for a while, loses them at a restart, and cannot compare what is behind an ID. Deduplication saves work and proves nothing. " +
		"The consumer's own ledger makes the effect single: no key in it can be written twice. A delivery marked as a redelivery is a hint; one without the mark is no proof.",
	Needs: deployment.Needs{Topology: topology.Settings{AckWait: ackWait / 2}},
	Play: func(s *stage.Stage) {
		n := s.Requests(2000)
		s.Step("%d requests, two generators", n)
		s.Configure(func(c *deployment.Settings) { c.Generator.Work = time.Millisecond }) // a replica that is to die at work has some
		s.Scale(1, 2)
		asked := s.Ask(n)
		s.Drained()
		strings := stored(s)

		// A death between two batches, with nothing in flight, shows nothing.
		requests, responses := 0, 0
		for round := 0; round < 3 && (requests == 0 || responses == 0); round++ {
			again, too := dieAtWork(s, asked)
			requests, responses = requests+again, responses+too
		}
		s.Holds("both had done what they had not acknowledged", requests > 0 && responses > 0,
			"%d requests and %d responses were delivered again", requests, responses)

		again := stored(s)
		changed := 0
		for id, before := range strings {
			if again[id] != before {
				changed++
			}
		}
		s.Holds("each request has one effect", maps.Equal(strings, again), "%d strings are stored, %d of %d changed", len(again), changed, n)
		s.Verified(n)
	},
}

// dieAtWork has everything done once more, and a replica of each service die at
// that. It returns how many requests and responses were delivered again.
func dieAtWork(s *stage.Stage, asked []contract.Request) (requests, responses int) {
	n := len(asked)
	s.Step("all of them are published again, requests and receipts")
	s.Scale(0, 0)
	repeat(s, asked)
	depth := s.Depth(topology.Requests)
	s.Holds("there are duplicates", depth == n, "the broker stored %d of %d as new", depth, n)

	s.Step("they are done again; the generator dies as it passes on results, the requestor as it confirms them")
	before := s.Depths()
	results := s.Tap(topology.SubjectResponse, "", n/20+s.Random.IntN(n/20))
	s.Scale(0, 1)
	results.Await()
	s.Kill(topology.Generator)
	s.Scale(0, 2)
	s.WaitDepth(topology.Requests, 0)
	receipts := s.Tap(topology.SubjectReceipt, "", n/20+s.Random.IntN(n/20))
	s.Scale(1, 2)
	receipts.Await()
	s.Kill(topology.Requestor)
	s.Scale(1, 2)
	s.Drained()
	after := s.Depths()
	again := func(queue string) int { return int(after[queue].Repeated - before[queue].Repeated) }
	return again(topology.Requests), again(topology.Responses)
}

// repeat publishes the requests and their receipts again, as a publisher does that
// has not heard the broker's confirmation.
func repeat(s *stage.Stage, asked []contract.Request) {
	queues := s.Operator().Topology.Queues
	receipts := make([]contract.Receipt, len(asked))
	for i, request := range asked {
		receipts[i] = contract.NewReceipt(request.ID, time.Now())
	}
	s.Must(queues.Requests.Publish(s.Context(), asked...))
	s.Must(queues.Receipts.Publish(s.Context(), receipts...))
}

// stored are the stored strings by request, as they were stored.
func stored(s *stage.Stage) map[string]string {
	strings := make(map[string]string)
	s.Entries(topology.Stored, func(id string, value []byte, _ time.Time) { strings[id] = string(value) })
	return strings
}
