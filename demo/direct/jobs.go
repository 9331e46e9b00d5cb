package direct

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
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

// ErrNowhere is the error of a job for which there is no machine.
var ErrNowhere = errors.New("there is nowhere to run it")

// Jobs are processes, one for each string. It may be used concurrently.
type Jobs struct {
	Work time.Duration
	down atomic.Bool
}

// Down says whether there is nowhere to run jobs. Those that run go on.
func (j *Jobs) Down(down bool) { j.down.Store(down) }

// Run makes one string.
func (j *Jobs) Run(ctx context.Context) error {
	if j.down.Load() {
		return ErrNowhere
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, self)
	command.Env = []string{role + "=" + j.Work.String()}
	text, err := command.Output()
	if err == nil && len(text) != contract.StringLength {
		err = fmt.Errorf("%d bytes", len(text))
	}
	return err
}
