package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"decoupled.example/demo/baseline"
	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/requestor"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

var coupled = Scenario{
	Name:    "coupled",
	Title:   "a direct call, a process for each request, and a queue, side by side",
	Claim:   "While there are no workers, a direct call fails and a request in a queue waits. While there are workers, the queue costs milliseconds.",
	Predict: "The same string is made in three ways, at the same pace and at the same time, and for two seconds there is no worker. How many requests of each kind fail? What does each cost when all is well, and how long does the queue's slowest request take?",
	Explain: "A call and its answer share one fate. Every failure of the worker is a failure of the caller, who has to handle retries, timeouts and overload. " +
		"A process for each request adds its start to each one. In a queue the request outlives both sides: an outage is a delay, not an error.",
	Needs: single,
	Play: func(s *stage.Stage) {
		const (
			work    = 10 * time.Millisecond
			pace    = 50 * time.Millisecond
			outage  = 2 * time.Second
			workers = 2
		)
		n := min(s.Requests(120), 1200) // each takes its pace, however many are wanted
		s.Configure(func(c *deployment.Settings) { c.Generator.Work = work })
		s.Scale(1, workers)
		s.Alive(1, workers)
		servers, err := baseline.StartServers(workers, work)
		s.Must(err)
		defer func() { _ = servers.Stop() }()
		jobs, err := baseline.StartJobs(work)
		s.Must(err)
		defer func() { _ = jobs.Remove() }()
		asker := requestor.NewAsker(s.Operator().Topology)

		s.Step("%d requests in each way, %.0f a second, %v of work for each", n, time.Second.Seconds()/pace.Seconds(), work)
		ways := []*way{
			{name: "direct call (HTTP)", call: servers.Call},
			{name: "a process for each", call: jobs.Run},
			{name: "through the queue", call: func(ctx context.Context) error { _, err := asker.Ask(ctx, 1); return err }},
		}
		var calling sync.WaitGroup
		for _, w := range ways {
			calling.Go(func() { w.callAll(s.Context(), n, pace) })
		}
		s.Until("a third of them is asked", func() bool { return s.Count(topology.Asked) >= n/3 })
		s.Step("no worker of any kind for %v: the servers are cut off, the program of the processes is gone, the generators are killed", outage)
		down := time.Now()
		s.Must(servers.Stop())
		s.Must(jobs.Stop())
		for range workers {
			s.Kill(topology.Generator)
		}
		s.ScaleGenerators(0)
		s.Wait(outage)
		s.Step("the workers are back")
		s.Must(servers.Restart())
		s.Must(jobs.Restart())
		s.ScaleGenerators(workers)
		up := time.Now()
		calling.Wait()
		s.Drained()

		queue := ways[2]
		queue.took, queue.calm = storedAfter(s, down, up)
		rows := make([][]string, len(ways))
		for i, w := range ways {
			rows[i] = w.row(work)
			s.Measure(w.name+": failed", float64(w.failed), "requests")
			s.MeasureTime(w.name+": latency with a worker, median", quantiles(w.calm, 0.50)[0])
			s.MeasureTime(w.name+": latency, slowest", quantiles(w.took, 1)[0])
		}
		s.Table([]string{"", "done", "failed", "median ms", "of that overhead", "slowest ms"}, rows...)
		// More than those that were cut off in the middle.
		some := int(outage/pace) / 4
		s.Holds("calls fail while there is no worker", ways[0].failed > some && ways[1].failed > some, "%d direct calls, %d processes", ways[0].failed, ways[1].failed)
		s.Holds("requests in a queue do not", queue.failed == 0 && len(queue.took) == n, "%d failed, %d of %d are done", queue.failed, len(queue.took), n)
		s.Verified(n)
	},
}

// settling is how long after the workers' return a request may wait behind those
// that came while they were away.
const settling = 500 * time.Millisecond

// way is one way to have the job done.
type way struct {
	name string
	call func(ctx context.Context) error

	mu     sync.Mutex
	took   []time.Duration // of those that succeeded
	calm   []time.Duration // of those, asked while there was a worker
	failed int
}

// callAll calls n times at a steady pace, however long each call takes.
func (w *way) callAll(ctx context.Context, n int, pace time.Duration) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var calls sync.WaitGroup
	defer calls.Wait()
	for range n {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		calls.Go(func() {
			begun := time.Now()
			w.note(w.call(ctx), time.Since(begun))
		})
	}
}

func (w *way) note(err error, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.failed++
		return
	}
	w.took, w.calm = append(w.took, took), append(w.calm, took) // without a worker none succeeds
}

func (w *way) row(work time.Duration) []string {
	median, slowest := quantiles(w.calm, 0.50)[0], quantiles(w.took, 1)[0]
	return []string{w.name, fmt.Sprint(len(w.took)), fmt.Sprint(w.failed), inMilliseconds(median), inMilliseconds(median - work), inMilliseconds(slowest)}
}

// storedAfter is how long each request took until its string was stored: all, and
// those that were not asked between down and up, nor waited behind such.
func storedAfter(s *stage.Stage, down, up time.Time) (all, calm []time.Duration) {
	asked := make(map[string]time.Time)
	s.Entries(topology.Asked, func(id string, value []byte, _ time.Time) {
		var request contract.Request
		s.Must(json.Unmarshal(value, &request))
		asked[id] = request.RequestedAt
	})
	s.Entries(topology.Stored, func(id string, _ []byte, kept time.Time) {
		took := kept.Sub(asked[id])
		all = append(all, took)
		if kept.Before(down) || asked[id].After(up.Add(settling)) {
			calm = append(calm, took)
		}
	})
	return all, calm
}
