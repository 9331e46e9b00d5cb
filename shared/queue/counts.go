package queue

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counts is what this process did with one queue since it started.
type counts struct {
	published, acknowledged, redelivered, failed, retried, handedBack, deadLettered, timedOut, inHand atomic.Int64
}

// Counts is what this process did with one queue since it started. The figures
// are read one by one, so they may be of slightly different moments.
type Counts struct {
	Published    int64 // confirmed by the broker
	Acknowledged int64 // handled
	Redelivered  int64 // deliveries that were not the message's first
	Failed       int64 // attempts that failed
	Retried      int64 // messages returned to the queue because a dependency failed
	Returned     int64 // messages returned to the queue untried, mostly at a shutdown
	DeadLettered int64 // messages that became dead letters
	TimedOut     int64 // handler calls that exceeded HandlerTimeout
	InFlight     int64 // messages in flight now
}

// Counts returns the figures of now.
func (q *Queue[T]) Counts() Counts {
	return Counts{
		Published:    q.counts.published.Load(),
		Acknowledged: q.counts.acknowledged.Load(),
		Redelivered:  q.counts.redelivered.Load(),
		Failed:       q.counts.failed.Load(),
		Retried:      q.counts.retried.Load(),
		Returned:     q.counts.handedBack.Load(),
		DeadLettered: q.counts.deadLettered.Load(),
		TimedOut:     q.counts.timedOut.Load(),
		InFlight:     q.counts.inHand.Load(),
	}
}

// Describe and Collect make the queue a Prometheus collector of its counts.
func (q *Queue[T]) Describe(descriptions chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(q, descriptions)
}

// Collect sends the counts of now.
func (q *Queue[T]) Collect(metrics chan<- prometheus.Metric) {
	labels := prometheus.Labels{"queue": q.config.Stream}
	c := q.Counts()
	counter := func(name, help string, value int64) {
		desc := prometheus.NewDesc("decoupled_"+name+"_total", help, nil, labels)
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value))
	}
	gauge := func(name, help string, value int64) {
		desc := prometheus.NewDesc("decoupled_"+name, help, nil, labels)
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value))
	}
	counter("messages_published", "Messages the broker confirmed to have stored.", c.Published)
	counter("messages_acknowledged", "Messages handled and acknowledged.", c.Acknowledged)
	counter("messages_redelivered", "Deliveries that were not a message's first.", c.Redelivered)
	counter("messages_failed", "Attempts of single messages that failed.", c.Failed)
	counter("messages_retried", "Messages returned to the queue because a dependency failed.", c.Retried)
	counter("messages_handed_back", "Messages returned to the queue untried, as at a shutdown.", c.Returned)
	counter("messages_dead_lettered", "Messages that became dead letters.", c.DeadLettered)
	counter("handler_timeouts", "Handler calls that exceeded their timeout.", c.TimedOut)
	stuck, _ := q.calls.stuck()
	gauge("handler_calls_stuck", "Handler calls that exceeded their timeout and have not returned.", int64(stuck))
	backingOff := int64(0)
	if _, reason := q.breaker.state(); reason != nil {
		backingOff = 1
	}
	gauge("consumption_backing_off", "Whether consumption backs off because nothing succeeds: 1 if so.", backingOff)
}

// Problems reports what prevents this process from working on the queue at full speed,
// a line for each problem; none if nothing does.
func (q *Queue[T]) Problems() (problems []string) {
	if pause, reason := q.breaker.state(); reason != nil {
		problems = append(problems, fmt.Sprintf("%s: backing off, one message every %v: %s", q.config.Stream, pause, oneLine(reason.Error())))
	}
	if n, longest := q.calls.stuck(); n > 0 {
		problems = append(problems, fmt.Sprintf("%s: %d handler calls have not returned, one of them for %v", q.config.Stream, n, longest.Round(time.Second)))
	}
	return problems
}

// Live returns an error when a call of the handler has not returned after twice
// its timeout: only a new process gets rid of it.
func (q *Queue[T]) Live() error {
	if n, longest := q.calls.stuck(); longest > 2*q.config.HandlerTimeout {
		return fmt.Errorf("%d handler calls of %s have not returned, one of them for %v", n, q.config.Stream, longest.Round(time.Second))
	}
	return nil
}
