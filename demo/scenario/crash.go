package scenario

import (
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

var crash = Scenario{
	Name:    "crash",
	Title:   "replicas die at any moment, and nothing is lost or done twice",
	Claim:   "A replica that is killed with work in hand loses nothing, and what is done again has no second effect.",
	Predict: "Generators and requestors are killed, at random moments and at each step of what they do: when messages have just arrived, when the result is being recorded, when it is being passed on, when they acknowledge. What is lost? What is there twice?",
	Explain: "A message is acknowledged last, when everything it has caused is stored; until then the broker delivers it again. " +
		"What was recorded before wins, so a request that comes again gets the very same string, and the same ID twice is one entry.",
	Needs: deployment.Needs{Topology: topology.Settings{AckWait: ackWait / 2}},
	Play: func(s *stage.Stage) {
		const rounds = 4
		n := s.Requests(3000)
		s.Step("%d requests; both services are killed %d times at random moments", n, rounds)
		s.Ask(n)
		s.Scale(1, 1)
		for round := range rounds {
			done := func() int { return s.Count(topology.Generated) + s.Count(topology.Stored) }
			mark := min(done()+1+s.Random.IntN(n/8), 2*n)
			s.Until("work goes on", func() bool { return done() >= mark })
			first, second := topology.Generator, topology.Requestor
			if round%2 == 1 {
				first, second = second, first
			}
			s.Kill(first)
			s.Kill(second)
			s.Scale(1, 1)
		}
		s.Drained()
		s.Saw("%d deliveries were repeated", s.Redelivered())

		asked := n
		for _, m := range moments {
			burst := 20 + s.Random.IntN(80)
			asked += burst
			killAt(s, m, burst)
		}
		again := s.Redelivered()
		s.Holds("replicas died with work in hand", again > 0, "%d deliveries were repeated", again)
		s.Verified(asked)
	},
}

// moment is a step of a handler, as anyone can see it from outside.
type moment struct {
	service string
	what    string
	subject string // a message there, with
	reply   string // such a reply subject, shows that it has come
}

// moments are the steps of the three handlers. What is seen of a step is its
// beginning: the replica dies with the step just done, or not yet, or done for a
// part of its messages.
var moments = []moment{
	{topology.Generator, "requests arrive", "_INBOX_" + topology.Generator + ".>", "$JS.ACK." + topology.Requests},
	{topology.Generator, "it records strings", "$KV." + topology.Generated + ".>", ""},
	{topology.Generator, "it publishes responses", topology.SubjectResponse, ""},
	{topology.Generator, "it acknowledges requests", "$JS.ACK." + topology.Requests + ".>", ""},
	{topology.Requestor, "responses arrive", "_INBOX_" + topology.Requestor + ".>", "$JS.ACK." + topology.Responses},
	{topology.Requestor, "it stores strings", "$KV." + topology.Stored + ".>", ""},
	{topology.Requestor, "it publishes receipts", topology.SubjectReceipt, ""},
	{topology.Requestor, "it acknowledges responses", "$JS.ACK." + topology.Responses + ".>", ""},
	{topology.Generator, "receipts arrive", "_INBOX_" + topology.Generator + ".>", "$JS.ACK." + topology.Receipts},
	{topology.Generator, "it records receipts", "$KV." + topology.Received + ".>", ""},
	{topology.Generator, "it acknowledges receipts", "$JS.ACK." + topology.Receipts + ".>", ""},
}

// killAt asks for n strings, kills the only replica when the moment has come,
// starts another one, and waits until all is finished.
func killAt(s *stage.Stage, m moment, n int) {
	before := s.Redelivered()
	nth := 1 + s.Random.IntN(n/2)
	s.Step("%d more; the %s dies while %s (message %d)", n, m.service, m.what, nth)
	tap := s.Tap(m.subject, m.reply, nth)
	s.Ask(n)
	tap.Await()
	s.Kill(m.service)
	s.Scale(1, 1)
	begun := time.Now()
	s.Drained()
	s.Saw("%d deliveries were repeated; all was finished %v after the next one's start", s.Redelivered()-before, time.Since(begun).Round(time.Millisecond))
}
