package kubernetes

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
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
	said  atomic.Pointer[string] // by the forwarding that ended last, if one did
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
			said := strings.TrimSpace(string(out))
			f.said.Store(&said)
			log.Debug().Err(err).Msgf("the port of %s is forwarded no longer: %s", pod, said)
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

// why is the reason why no connection gets through: what kubectl said when it stopped
// forwarding.
func (f *forward) why() error {
	if said := f.said.Load(); said != nil {
		return fmt.Errorf("kubectl port-forward: %s", *said)
	}
	return nil
}

func (f *forward) close() {
	f.stop()
	<-f.ended
}
