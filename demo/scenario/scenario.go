package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

// Scenario is a claim that anyone can put to the test.
type Scenario struct {
	Name    string
	Title   string
	Claim   string // what is said to hold
	Predict string // what to ask oneself before it runs
	Explain string // why it came out as it did
	Needs   deployment.Needs
	Play    func(s *stage.Stage) // the steps, the measuring and the judging
}

// All are the scenarios, in the order of the story.
var All = []Scenario{
	roundTrip,
	strangers,
	scaleToZero,
	competingConsumers,
	lateJoiner,
	earlyAck,
	crash,
	duplicates,
	poison,
	dependencyOutage,
	hungHandler,
	brokerRestart,
	failover,
	backPressure,
	wiretap,
	rollingUpgrade,
	coupled,
}

// ErrUnknown is the error for a name that no scenario has.
var ErrUnknown = errors.New("no such scenario")

// Find returns the scenario of that name, or ErrUnknown.
func Find(name string) (Scenario, error) {
	i := slices.IndexFunc(All, func(c Scenario) bool { return c.Name == name })
	if i >= 0 {
		return All[i], nil
	}
	names := make([]string, len(All))
	for i, c := range All {
		names[i] = c.Name
	}
	return Scenario{}, fmt.Errorf("%w: %q; there are %s", ErrUnknown, name, strings.Join(names, ", "))
}

// Run plays the scenario on a deployment of that kind.
func (c Scenario) Run(ctx context.Context, kind deployment.Kind, o stage.Options) stage.Result {
	result := stage.Play(ctx, kind, c.Needs, o, c.Play)
	result.Scenario = c.Name
	return result
}

// ackWait is short, so that what a crash has left behind comes back soon.
const ackWait = time.Second

// single is a broker of one node.
var single = deployment.Needs{Topology: topology.Settings{AckWait: ackWait}}
