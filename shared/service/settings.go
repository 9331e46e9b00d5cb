package service

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// Settings are the flags that all services have. A service's own options embed
// them; each flag can be given as an environment variable instead, which is how
// it is done in containers.
type Settings struct {
	Broker  `group:"Connection to NATS:"`
	Logging `group:"Operation:"`

	// Listen is empty by default, so that any number of replicas can run on one
	// machine; container images set it.
	Listen string `env:"LISTEN" group:"Operation:" placeholder:"HOST:PORT" help:"Serve /livez, /readyz and /metrics over HTTP at this address, for example :8081. Without it nothing is served."`

	// ShutdownTimeout bounds the whole shutdown. An orchestrator must wait longer
	// before it kills the process (see Program.Run).
	ShutdownTimeout time.Duration `name:"grace" env:"GRACE" group:"Operation:" default:"10s" help:"Shutdown timeout: end this long after SIGTERM at the latest, whether or not work in progress has finished."`

	HandlerTimeout time.Duration `env:"HANDLER_TIMEOUT" group:"Operation:" default:"30s" help:"How long the handler of a queue may take for one batch, before its messages are released for other replicas."`

	Version kong.VersionFlag `help:"Print version and commit, and exit."`
}

// Options are the options of a program: a struct of kong flags that embeds
// Settings. A method Validate() error checks what the tags cannot.
type Options interface{ settings() *Settings }

func (s *Settings) settings() *Settings { return s }

// Validate names the flag that is out of range. It is called by kong.
func (s *Settings) Validate() error {
	if s.Listen != "" {
		_, port, err := net.SplitHostPort(s.Listen)
		if err != nil {
			return fmt.Errorf("--listen must be HOST:PORT or :PORT but got %q", s.Listen)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("--listen must have a port between 0 and 65535 but got %q", s.Listen)
		}
	}
	if s.ShutdownTimeout <= 0 {
		return fmt.Errorf("--grace must be more than 0s but got %v", s.ShutdownTimeout)
	}
	if s.HandlerTimeout <= 0 {
		return fmt.Errorf("--handler-timeout must be more than 0s but got %v", s.HandlerTimeout)
	}
	return nil
}
