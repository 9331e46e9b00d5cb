package baseline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"decoupled.example/shared/contract"
)

// role is the environment variable that makes a program a job: how long a string
// takes it.
const role = "DECOUPLED_JOB"

// BecomeJob makes this process a job if it was started as one, and does not
// return then: it makes one string and ends. A program that runs jobs calls it
// before anything else.
func BecomeJob() {
	text, is := os.LookupEnv(role)
	if !is {
		return
	}
	work, err := time.ParseDuration(text)
	if err != nil {
		fmt.Fprintf(os.Stderr, "cannot read %s: %v\n", role, err)
		os.Exit(1)
	}
	<-time.After(work)
	fmt.Print(contract.NewString())
	os.Exit(0)
}

// Jobs are processes, one for each string, of a program that is this one under
// another name. Run may be used concurrently.
type Jobs struct {
	work    time.Duration
	program string

	mu      sync.Mutex
	running context.Context // ends when all are killed
	kill    context.CancelFunc
}

// StartJobs installs the program. A string takes a job that long to make.
func StartJobs(work time.Duration) (*Jobs, error) {
	dir, err := os.MkdirTemp("", "decoupled-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder for the jobs' program: %w", err)
	}
	j := &Jobs{work: work, program: filepath.Join(dir, "job")}
	j.running, j.kill = context.WithCancel(context.Background())
	if err := j.Restart(); err != nil {
		return nil, errors.Join(err, j.Remove())
	}
	return j, nil
}

// Stop takes away what it takes to run jobs, and kills those that run.
func (j *Jobs) Stop() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kill()
	j.running, j.kill = context.WithCancel(context.Background()) // who tries now finds no program
	return os.Remove(j.program)
}

// Restart brings it back.
func (j *Jobs) Restart() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot install the jobs' program: %w", err)
	}
	if err := os.Symlink(self, j.program); err != nil {
		return fmt.Errorf("cannot install the jobs' program: %w", err)
	}
	return nil
}

// Remove ends everything and leaves nothing behind.
func (j *Jobs) Remove() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kill()
	return os.RemoveAll(filepath.Dir(j.program))
}

// Run makes one string.
func (j *Jobs) Run(ctx context.Context) error {
	j.mu.Lock()
	running := j.running
	j.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(running, cancel)()
	command := exec.CommandContext(ctx, j.program)
	command.Env = []string{role + "=" + j.work.String()}
	text, err := command.Output()
	if err == nil && len(text) != contract.StringLength {
		err = fmt.Errorf("%d bytes", len(text))
	}
	return err
}
