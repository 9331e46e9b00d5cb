package deployment

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/topology"
)

// Settings are the settings of the services that a scenario chooses. The zero
// value is a requestor that only stores and a generator that is fast and never
// fails.
type Settings struct {
	Requestor requestor.Options
	Generator generator.Options
	// HandlerTimeout is how long a handler of either service may take; 0 is the
	// services' default.
	HandlerTimeout time.Duration
}

// Environment is the settings of one service as the environment variables that
// its program reads, "WORK=5ms".
func (s Settings) Environment(service string) []string {
	fraction := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	timeout := cmp.Or(s.HandlerTimeout, defaultHandlerTimeout)
	if service == topology.Requestor {
		o := s.Requestor
		return []string{
			"HANDLER_TIMEOUT=" + timeout.String(),
			"RATE=" + fraction(o.Rate),
			"COUNT=" + strconv.Itoa(o.Count),
		}
	}
	o := s.Generator
	return []string{
		"HANDLER_TIMEOUT=" + timeout.String(),
		"WORK=" + o.Work.String(),
		"FAIL=" + fraction(o.Fail),
		"REJECT=" + fraction(o.Reject),
		"HANG=" + fraction(o.Hang),
		"OUTAGE=" + o.Outage.String(),
		"OUTAGE_EVERY=" + cmp.Or(o.OutageEvery, defaultOutageEvery).String(),
	}
}

// Defaults of the services' flags, for settings that are zero.
const (
	defaultHandlerTimeout = 30 * time.Second
	defaultOutageEvery    = time.Minute
)

// Unknown is the error for a service that is none.
func Unknown(service string) error {
	return fmt.Errorf("there is no service %q; there are %s and %s", service, topology.Requestor, topology.Generator)
}
