package main

import (
	"fmt"
	"time"

	"github.com/alecthomas/kong"

	"decoupled.example/shared/service"
)

// cli are the flags and commands of the console.
type cli struct {
	service.Broker `group:"Connection to NATS:"`

	Wait    time.Duration    `default:"10s" help:"End a command in which nothing has succeeded for this long, for example because the broker cannot be reached."`
	JSON    bool             `name:"json" help:"Print JSON."`
	Version kong.VersionFlag `help:"Print version and commit, and exit."`

	Setup  setupCommand  `cmd:"" help:"Make the queues and ledgers, or check that they are as they should be."`
	Status statusCommand `cmd:"" help:"Show queues, replicas, ledgers and dead letters."`
	Send   sendCommand   `cmd:"" help:"Ask for strings as the requestor does."`
	Drain  drainCommand  `cmd:"" help:"Wait until everything is finished. Exit code 1, and what remains, if it is not in time."`
	Verify verifyCommand `cmd:"" help:"Prove from the ledgers that nothing was lost and nothing done twice. Exit code 1 if something was."`
	Dead   deadCommand   `cmd:"" help:"Look at dead letters, redrive or discard them."`
	Pause  pauseCommand  `cmd:"" help:"Stop delivery from a queue, without touching any replica."`
	Resume resumeCommand `cmd:"" help:"Let delivery from a paused queue go on."`
	Reset  resetCommand  `cmd:"" help:"Empty queues, ledgers and dead letters, and prove that all are."`
	Trace  traceCommand  `cmd:"" help:"Show the life of one request: its steps, their times, and where it is."`

	Dashboard    dashboardCommand    `cmd:"" help:"Serve a page that shows all this while it runs, and lets people act."`
	Healthcheck  healthcheckCommand  `cmd:"" help:"Ask the dashboard that listens there whether it serves. Exit code 1, and why not, if it does not."`
	Credentials  credentialsCommand  `cmd:"" help:"Make random passwords for the broker and its users, once: in a folder, or as Secrets for Kubernetes."`
	Certificates certificatesCommand `cmd:"" help:"Make a certificate for the broker, and the authority that its clients trust."`
}

// Validate names the flag that is out of range. It is called by kong.
func (c *cli) Validate() error {
	if c.Wait <= 0 {
		return fmt.Errorf("--wait must be more than 0s, not %v", c.Wait)
	}
	return nil
}
