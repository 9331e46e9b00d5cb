package kubernetes

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/rs/zerolog"
)

const (
	loopback = "127.0.0.1"
	client   = "4222" // the broker's port
	// againAfter is how soon a forwarding that ended, as its pod did, starts again.
	againAfter = 250 * time.Millisecond
)

// forward makes a pod's client port one of this machine, also when another pod of
// that name takes its place.
type forward struct {
	pod   string
	port  int
	stop  context.CancelFunc
	ended chan struct{}
}

func (k kubectl) forward(log zerolog.Logger, pod string, port int) *forward {
	ctx, stop := context.WithCancel(context.Background()) // ended by close
	f := &forward{pod: pod, port: port, stop: stop, ended: make(chan struct{})}
	args := k.args("port-forward", "pod/"+pod, strconv.Itoa(port)+":"+client, "--address", loopback)
	go func() {
		defer close(f.ended)
		for {
			out, err := exec.CommandContext(ctx, "kubectl", args...).CombinedOutput()
			log.Debug().Err(err).Msgf("the port of %s is forwarded no longer: %s", pod, out)
			select {
			case <-time.After(againAfter):
			case <-ctx.Done():
				return
			}
		}
	}()
	return f
}

func (f *forward) url() string { return fmt.Sprintf("nats://%s:%d", loopback, f.port) }

func (f *forward) close() {
	f.stop()
	<-f.ended
}
