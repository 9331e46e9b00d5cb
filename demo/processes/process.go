package processes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// process is a running child.
type process struct {
	name  string
	cmd   *exec.Cmd
	asked atomic.Bool // it was told to end
	begun atomic.Bool // it has said something, so it listens to signals
	ended chan struct{}
}

// start starts a program with those environment variables and no others: this
// program's own may hold settings that are not meant for it. What it says on
// standard error goes to the log, and on standard output to lines. It is always
// told to say that it starts, whether or not the log takes that.
func start(name, program string, environment []string, log zerolog.Logger, lines chan<- string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(program), ended: make(chan struct{})}
	level := min(log.GetLevel(), zerolog.InfoLevel)
	p.cmd.Env = append([]string{"LOG_FORMAT=json", "LOG_LEVEL=" + level.String()}, environment...)
	p.cmd.SysProcAttr = attributes()
	p.cmd.Stderr = &lineWriter{line: func(line []byte) { p.begun.Store(true); relay(log, name, line) }}
	if lines != nil {
		p.cmd.Stdout = &lineWriter{line: func(line []byte) { p.begun.Store(true); lines <- string(line) }}
	}
	if err := onLastingThread(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("cannot start the %s: %w", name, err)
	}
	go func() {
		defer close(p.ended)
		if err := p.cmd.Wait(); err != nil && !p.asked.Load() {
			log.Error().Err(err).Msgf("a %s ended unexpectedly", name)
		}
	}()
	return p, nil
}

// kill ends the process without a warning and returns when it is gone.
func (p *process) kill() {
	p.asked.Store(true)
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}

// terminate tells the process to stop, as an orchestrator does.
func (p *process) terminate() error {
	p.asked.Store(true)
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	if err != nil && !p.hasEnded() {
		return fmt.Errorf("cannot stop the %s: %w", p.name, err)
	}
	return nil
}

// await returns when the process has ended after it was stopped. One that does
// not, or not in order, is an error, and is killed.
func (p *process) await(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("the %s did not stop in time: %w", p.name, ctx.Err())
	}
	if !p.endedInOrder() {
		return fmt.Errorf("the %s stopped with %s", p.name, p.cmd.ProcessState)
	}
	return nil
}

// endedInOrder takes exit code 0. Only one that was told to stop before it was
// listening may be ended by the signal itself: it had begun nothing.
func (p *process) endedInOrder() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return p.cmd.ProcessState.Success() || !p.begun.Load() && ok && status.Signaled() && status.Signal() == syscall.SIGTERM
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

var errNotRunning = errors.New("it is not running")

// lineWriter splits what is written into lines.
type lineWriter struct {
	line func([]byte)
	rest []byte
}

// Write implements io.Writer. It is called by one goroutine.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		w.line(line)
		w.rest = bytes.Clone(rest)
	}
}
