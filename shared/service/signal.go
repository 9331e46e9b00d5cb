package service

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// sameHangup is how long after a SIGHUP another one belongs to it: when a terminal
// closes, the kernel and the shell both send one.
const sameHangup = 500 * time.Millisecond

// UntilSignal returns a context that SIGTERM, SIGINT or SIGHUP ends, with the
// signal as its cause; a second one ends the process at once. A SIGHUP that was
// ignored when the process started, as under nohup, stays ignored.
//
// Unlike signal.NotifyContext, it restores the default for the second signal before
// the context ends.
func UntilSignal() context.Context {
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		first := <-signals
		if first == syscall.SIGHUP {
			same := make(chan os.Signal, 1)
			signal.Notify(same, syscall.SIGHUP)
			time.AfterFunc(sameHangup, func() { signal.Stop(same) })
		}
		signal.Stop(signals)
		stop(fmt.Errorf("%v signal", first))
	}()
	return ctx
}

// OutliveReaders lets the process continue when the reader of its output or log has
// closed the pipe. A write then fails, instead of SIGPIPE ending the process in the
// middle of its work.
func OutliveReaders() { signal.Ignore(syscall.SIGPIPE) }
