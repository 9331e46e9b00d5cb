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
	Claim:   "A replica that is killed with messages in flight loses nothing, and repeated work has no second effect.",
	Predict: "Generators and requestors are killed at random moments, and at each step of their work: when messages have just arrived, when the result is being recorded, when it is being passed on, when it is being acked. What is lost? What exists twice?",
	Explain: "A message is acked last, when everything it has caused is stored. Until then the broker delivers it again. " +
		"The first write wins, so a redelivered request gets the same string, and the same ID twice is one entry. " +
		"A requestor that dies between publishing a request and recording it leaves a request that is answered all the same. Verification counts it as recovered.",
	Needs: deployment.Needs{Topology: topology.Settings{AckWait: ackWait / 2}},
	Play: func(s *stage.Stage) {
		const rounds = 4
		n := s.Requests(3000)
		s.Step("%d requests wait, the requestor asks for %d more a second; both services are killed %d times at random moments", n, rate, rounds)
		s.Configure(func(c *deployment.Settings) { c.Requestor.Rate = rate })
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
		askNoMore(s)
		again := s.Redelivered()
		s.Holds("they had messages in flight", again > 0, "%d deliveries were repeated", again)

		asked, inHand := n, 0
		for _, m := range moments {
			burst, caught := 50+s.Random.IntN(100), false
			// Where a kill takes long, the replica may have finished before it: there must be more to do then.
			for try := 0; try < 3 && !caught; try++ {
				asked += burst
				caught = killAt(s, m, burst) > 0
				burst *= 4
			}
			if caught {
				inHand++
			}
		}
		s.Holds("at most of these moments they had messages in flight", 2*inHand > len(moments), "at %d of %d deliveries were repeated", inHand, len(moments))
		for _, m := range askingMoments {
			killAsking(s, m)
		}
		s.VerifiedOfAtLeast(asked)
	},
}

// rate is how many strings the requestor asks for in a second, when it does.
const rate = 200

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

// askingMoments are the steps of a requestor that asks of its own accord.
var askingMoments = []moment{
	{topology.Requestor, "it publishes requests", topology.SubjectRequest, ""},
	{topology.Requestor, "it records what it has asked", "$KV." + topology.Asked + ".>", ""},
}

// killAt asks for n strings, kills the only replica when the moment has come,
// starts another one, and waits until all is finished. It returns how many
// deliveries were repeated.
func killAt(s *stage.Stage, m moment, n int) int {
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
	again := s.Redelivered() - before
	s.Report("%d messages were redelivered; all was finished %v after the start of the next replica", again, inRound(time.Since(begun)))
	return again
}

// killAsking has a requestor ask, kills it when the moment has come, and waits
// until all is finished that it has asked.
func killAsking(s *stage.Stage, m moment) {
	nth := 1 + s.Random.IntN(rate)
	s.Step("the %s itself asks; it dies while %s (message %d)", m.service, m.what, nth)
	s.ScaleRequestors(0)
	s.Configure(func(c *deployment.Settings) { c.Requestor.Rate = rate })
	tap := s.Tap(m.subject, m.reply, nth)
	s.ScaleRequestors(1)
	tap.Await()
	s.Kill(m.service)
	asked := s.Count(topology.Asked)
	askNoMore(s)
	s.Report("%d had been asked in all", asked)
}

// askNoMore replaces the requestor by one that only stores, and waits until all
// is finished.
func askNoMore(s *stage.Stage) {
	s.ScaleRequestors(0)
	s.Configure(func(c *deployment.Settings) { c.Requestor.Rate = 0 })
	s.Scale(1, 1)
	s.Drained()
}
