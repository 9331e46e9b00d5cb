package queue

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// counts is what this process did with one queue since it started.
type counts struct {
	published, acknowledged, redelivered, failed, handedBack, deadLettered, inHand atomic.Int64
}

// Counts is what this process did with one queue since it started. The figures
// are read one by one, so they may be of slightly different moments.
type Counts struct {
	Published    int64 // confirmed by the broker
	Acknowledged int64 // handled
	Redelivered  int64 // deliveries that were not the message's first
	Failed       int64 // attempts of single messages that failed
	HandedBack   int64 // given back unhandled, mostly at a stop for another replica to do
	DeadLettered int64 // set aside
	InHand       int64 // being worked on now
}

// Counts returns the figures of now.
func (q *Queue[T]) Counts() Counts {
	return Counts{
		Published:    q.counts.published.Load(),
		Acknowledged: q.counts.acknowledged.Load(),
		Redelivered:  q.counts.redelivered.Load(),
		Failed:       q.counts.failed.Load(),
		HandedBack:   q.counts.handedBack.Load(),
		DeadLettered: q.counts.deadLettered.Load(),
		InHand:       q.counts.inHand.Load(),
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
	for _, m := range []struct {
		name, help string
		value      int64
	}{
		{"published", "Messages the broker confirmed to have stored.", c.Published},
		{"acknowledged", "Messages handled and acknowledged.", c.Acknowledged},
		{"redelivered", "Deliveries that were not a message's first.", c.Redelivered},
		{"failed", "Attempts of single messages that failed.", c.Failed},
		{"handed_back", "Messages given back unhandled, as when told to stop.", c.HandedBack},
		{"dead_lettered", "Messages set aside as dead letters.", c.DeadLettered},
	} {
		desc := prometheus.NewDesc("decoupled_messages_"+m.name+"_total", m.help, nil, labels)
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(m.value))
	}
}
