package deployment

import (
	"fmt"
	"strconv"

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
}

// Environment is the settings of one service as the environment variables that
// its program reads, "WORK=5ms".
func (s Settings) Environment(service string) []string {
	if service == topology.Requestor {
		o := s.Requestor
		return []string{
			"RATE=" + strconv.FormatFloat(o.Rate, 'g', -1, 64),
			"COUNT=" + strconv.Itoa(o.Count),
			"UNTIL_STORED=" + strconv.FormatBool(o.UntilStored),
		}
	}
	o := s.Generator
	return []string{"WORK=" + o.Work.String(), "FAIL=" + strconv.FormatFloat(o.Fail, 'g', -1, 64)}
}

// Unknown is the error for a service that is none.
func Unknown(service string) error {
	return fmt.Errorf("there is no service %q; there are %s and %s", service, topology.Requestor, topology.Generator)
}
