package scenario

import (
	"fmt"

	"decoupled.example/demo/stage"
)

var earlyAck = Scenario{
	Name:    "early-ack",
	Title:   "acked before the work is done, and a crash",
	Claim:   "A worker that acks a message before its work is done loses the message in a crash, and the queue looks empty. A worker that acks afterwards loses none.",
	Predict: "A worker fetches fifty messages, acks them, and works on one after the other. It dies, and another one takes over. What does the queue's depth say? How many are missing? And if the worker acks each message after its work?",
	Explain: "An ack makes the broker delete the message. Two lines in the wrong order look right in every test until a process crashes. Automatic acks, the default of many clients, are the wrong order.",
	Needs:   single,
	Play: func(s *stage.Stage) {
		n := s.Requests(300)
		s.Step("%d messages; each is acked, then worked on", n)
		early := crashAtWork(s, "EARLY", n, true)
		s.Holds("acked before the work: some are lost", early.lost() > 0, "%s", early)
		s.Step("the same, but each is worked on, then acked")
		late := crashAtWork(s, "LATE", n, false)
		s.Holds("acked after the work: none is lost", late.lost() == 0, "%s", late)
		s.Measure("lost when acked before the work", float64(early.lost()), "messages")
		s.Measure("lost when acked after the work", float64(late.lost()), "messages")
	},
}

// account is what came of n messages once the queue said that all was done.
type account struct{ sent, left, done int }

func (a account) lost() int { return a.sent - a.left - a.done }

func (a account) String() string {
	return fmt.Sprintf("%d sent, the queue says %d are left, %d are done, %d are lost", a.sent, a.left, a.done, a.lost())
}

// crashAtWork sends n messages to a worker that dies at work, has another one
// finish, and counts. Stream and bucket are made for it.
func crashAtWork(s *stage.Stage, name string, n int, early bool) account {
	w := &worker{early: early, name: name}
	s.Must(w.setUp(s.Context(), s.Operator().JS))
	defer w.remove(s.Operator().JS)
	for range n {
		_, err := s.Operator().JS.PublishAsync(w.subject(), nil)
		s.Must(err)
	}
	select {
	case <-s.Operator().JS.PublishAsyncComplete():
	case <-s.Context().Done():
		s.Must(s.Context().Err())
	}
	// Not between two batches, where it has nothing in flight.
	dies := batch*s.Random.IntN(n/batch) + 5 + s.Random.IntN(batch/2)
	tap := s.Tap("$KV."+name+".>", "", dies)
	first := s.Connect("worker")
	defer first.Close()
	go w.run(first)
	tap.Await()
	first.Close()
	s.Report("the worker died when it had done %d", dies)

	second := s.Connect("worker")
	defer second.Close()
	ended := make(chan struct{})
	go func() { defer close(ended); w.run(second) }()
	s.Until("nothing is left in the queue", func() bool { return w.left(s) == 0 })
	s.Until("the second worker has finished its messages in flight", func() bool { return w.idle.Load() })
	second.Close()
	<-ended
	return account{sent: n, left: w.left(s), done: w.done(s)}
}
