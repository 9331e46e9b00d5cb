package bench

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// idleFor is some of the times after which something is asked again.
const idleFor = 65 * time.Second

// BenchmarkIdle measures what a deployment costs when there is nothing to do.
func BenchmarkIdle(b *testing.B) {
	broker := startBrokers(b, setting{nodes: 1})
	defer broker.stop()
	d, _ := deploy(b, broker)
	asked := make(chan *nats.Msg, 1<<16)
	_, err := d.Conn.ChanSubscribe("$JS.API.>", asked)
	require.NoError(b, err)
	require.NoError(b, d.Conn.Flush())
	requestor, requestorReady := launchReady(b, topology.Requestor, broker.url)
	generator, generatorReady := launchReady(b, topology.Generator, broker.url)
	before, cpu := len(asked), broker.cpu(b)
	<-time.After(idleFor)

	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(asked)-before)/idleFor.Seconds()/2, "requests/s/replica")
	b.ReportMetric(100*(broker.cpu(b)-cpu).Seconds()/idleFor.Seconds(), "broker-%CPU")
	b.ReportMetric(megabytes(resident(b, requestor.Process.Pid)), "requestor-MB")
	b.ReportMetric(megabytes(resident(b, generator.Process.Pid)), "generator-MB")
	b.ReportMetric(milliseconds(requestorReady), "requestor-start-ms")
	b.ReportMetric(milliseconds(generatorReady), "generator-start-ms")
}

// BenchmarkDemo measures the whole demo while it has nothing to do.
func BenchmarkDemo(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(b, listener.Close())
	program(b, "demo")
	begun := time.Now()
	demo := launch(b, "demo", nil, "--rate=0", "--port="+strconv.Itoa(port))
	var nc *nats.Conn
	require.Eventually(b, func() bool {
		nc, err = nats.Connect("nats://127.0.0.1:" + strconv.Itoa(port))
		return err == nil
	}, time.Minute, time.Millisecond, "the demo does not start")
	defer nc.Close()
	require.Eventually(b, func() bool {
		_, err := nc.Request(service.StatusSubject(topology.Generator), nil, time.Second)
		return err == nil
	}, time.Minute, time.Millisecond, "no generator is alive")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(time.Since(begun)), "start-ms")
	<-time.After(10 * time.Second)
	b.ReportMetric(megabytes(resident(b, demo.Process.Pid)), "MB")
}

func megabytes(bytes int) float64 { return float64(bytes) / (1 << 20) }
