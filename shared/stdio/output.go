package stdio

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// Exit codes of a program whose output could not be written.
const (
	exitFailed = 1
	exitPipe   = 128 + int(syscall.SIGPIPE) // what a shell shows for a program that SIGPIPE ended
)

// Output is the standard output of a program. It records the first write error, so
// that not every print needs a check, and the program still does not report
// success with incomplete output. It is safe for concurrent use.
type Output struct {
	to     io.Writer
	failed chan struct{}

	mu  sync.Mutex
	err error
}

// NewOutput returns an Output that writes to w.
func NewOutput(w io.Writer) *Output { return &Output{to: w, failed: make(chan struct{})} }

// Write implements io.Writer. After an error nothing more is written.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.to.Write(p)
	if err != nil {
		o.err = fmt.Errorf("cannot write to standard output: %w", err)
		close(o.failed)
	}
	return n, o.err
}

// Err returns why the output could not be written, or nil.
func (o *Output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Failed is closed when a write has failed.
func (o *Output) Failed() <-chan struct{} { return o.failed }

// Fd returns the file descriptor of the output, or an invalid one if the output is
// not a file.
func (o *Output) Fd() uintptr {
	if file, ok := o.to.(*os.File); ok {
		return file.Fd()
	}
	return ^uintptr(0)
}

// Exit returns the exit code of the named program, where code is the one for
// complete output. It reports a failed write on stderr. It does not report a reader
// that closed the pipe, as head does.
func (o *Output) Exit(code int, name string, stderr io.Writer) int {
	err := o.Err()
	switch {
	case err == nil:
		return code
	case errors.Is(err, syscall.EPIPE) && code == 0:
		return exitPipe
	case errors.Is(err, syscall.EPIPE):
		return code
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	return max(code, exitFailed)
}
