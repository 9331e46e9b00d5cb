package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"text/tabwriter"

	"decoupled.example/demo/compose"
	"decoupled.example/demo/deployment"
	"decoupled.example/demo/embedded"
	"decoupled.example/demo/kubernetes"
	"decoupled.example/demo/processes"
	"decoupled.example/demo/scenario"
	"decoupled.example/demo/screen"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/service"
)

// kinds are the kinds of deployment that scenarios can be played on, the default
// first.
var kinds = []deployment.Kind{embedded.Kind, programs.Kind(), compose.Kind, kubernetes.Kind}

// programs are built when a scenario is played on processes first.
var programs processes.Programs

// scenarioCommand is "demo scenario".
type scenarioCommand struct {
	List scenarioList `cmd:"" help:"List the scenarios."`
	Run  scenarioRun  `cmd:"" help:"Play scenarios, and judge: exit code 0 only if every verdict holds."`
}

type scenarioList struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run lists the scenarios.
func (c scenarioList) Run(s *session) error {
	if c.JSON {
		type entry struct {
			Name    string `json:"name"`
			Title   string `json:"title"`
			Claim   string `json:"claim"`
			Predict string `json:"predict"`
		}
		entries := make([]entry, len(scenario.All))
		for i, one := range scenario.All {
			entries[i] = entry{one.Name, one.Title, one.Claim, one.Predict}
		}
		return writeJSON(s.stdout, entries)
	}
	table := tabwriter.NewWriter(s.stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "SCENARIO\tWHAT IT SHOWS")
	for _, one := range scenario.All {
		fmt.Fprintf(table, "%s\t%s\n", one.Name, one.Title)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("cannot list the scenarios: %w", err)
	}
	fmt.Fprintln(s.stdout, "\nPlay one with: go run ./demo scenario run NAME, or all with --all. On:")
	for _, kind := range kinds {
		fmt.Fprintf(s.stdout, "  --on %-10s %s\n", kind.Name, kind.About)
	}
	return nil
}

type scenarioRun struct {
	Names    []string `arg:"" optional:"" name:"name" help:"Which scenarios; see scenario list."`
	All      bool     `help:"All of them."`
	On       string   `default:"embedded" placeholder:"KIND" help:"What to play them on: ${kinds} (default: ${default})."`
	Yes      bool     `help:"Do not ask before playing on a cluster."`
	Seed     uint64   `help:"Repeat what this seed has made random. 0: another one each time."`
	Requests int      `help:"How many requests each scenario takes. 0: as many as make it take some seconds."`
	Long     bool     `help:"Also judge what depends on the machine's speed. Needs a machine that does nothing else."`
	JSON     bool     `name:"json" help:"Print one JSON object for each scenario instead of its story."`
	LogLevel string   `default:"error" enum:"trace,debug,info,warn,error" help:"Log this and what is worse: ${enum}."`
}

// Validate names the flag that is wrong. It is called by kong.
func (c scenarioRun) Validate() error {
	switch {
	case c.All == (len(c.Names) > 0):
		return errors.New("which scenarios? Name some, or all with --all; see scenario list")
	case c.Requests != 0 && c.Requests < minRequests:
		return fmt.Errorf("--requests must be at least %d, not %d: fewer show nothing", minRequests, c.Requests)
	}
	return nil
}

// minRequests is how few requests still show what a scenario is about.
const minRequests = 200

// Run plays the scenarios one after the other.
func (c scenarioRun) Run(s *session) error {
	chosen, kind, err := c.chosen()
	if err != nil {
		return err
	}
	if kind.Name == kubernetes.Kind.Name && !c.Yes {
		if err := askForCluster(s, c.JSON); err != nil {
			return err
		}
	}
	defer func() { _ = programs.Remove() }() // what is left is in the system's temporary folder
	display := screen.New(s.stdout)
	results := make([]stage.Result, 0, len(chosen))
	for _, one := range chosen {
		result, err := c.play(s, display, one, kind)
		if err != nil {
			return err
		}
		results = append(results, result)
		if s.ctx.Err() != nil {
			return stage.ErrInterrupted
		}
	}
	if len(results) > 1 && !c.JSON {
		screen.NewStory(display).Summary(results)
	}
	return judge(results)
}

// judge is an error unless something was played and all of it holds.
func judge(results []stage.Result) error {
	played := 0
	for _, r := range results {
		switch r.Verdict {
		case stage.Holds:
			played++
		case stage.Fails:
			return errNotProven
		}
	}
	if played == 0 {
		return errNotProven // all were skipped
	}
	return nil
}

func (c scenarioRun) chosen() ([]scenario.Scenario, deployment.Kind, error) {
	i := slices.IndexFunc(kinds, func(k deployment.Kind) bool { return k.Name == c.On })
	if i < 0 {
		return nil, deployment.Kind{}, fmt.Errorf("%w: there is no kind of deployment %q; there are %s", errUsage, c.On, kindNames())
	}
	if c.All {
		return scenario.All, kinds[i], nil
	}
	chosen := make([]scenario.Scenario, len(c.Names))
	for n, name := range c.Names {
		one, err := scenario.Find(name)
		if err != nil {
			return nil, deployment.Kind{}, err
		}
		chosen[n] = one
	}
	return chosen, kinds[i], nil
}

func kindNames() string {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = kind.Name
	}
	return strings.Join(names, ", ")
}

func (c scenarioRun) play(s *session, display *screen.Screen, one scenario.Scenario, kind deployment.Kind) (stage.Result, error) {
	seed := c.Seed
	if seed == 0 {
		seed = uint64(rand.Uint32()) + 1 // short enough to be typed
	}
	options := stage.Options{Seed: seed, Requests: c.Requests, Long: c.Long}
	if c.JSON {
		options.Log = service.NewLog(io.Discard, service.Logging{Level: c.LogLevel}, "demo")
		result := one.Run(s.ctx, kind, options)
		return result, writeJSON(s.stdout, result)
	}
	story := screen.NewStory(display)
	options.Teller = story
	options.Log = service.NewLog(display, service.Logging{Level: c.LogLevel, Format: "console"}, "demo")
	story.Begin(one, kind.Name, seed)
	result := one.Run(s.ctx, kind, options)
	story.End(result, one.Explain)
	return result, nil
}

func writeJSON(to io.Writer, value any) error {
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("cannot print the result: %w", err)
	}
	return nil
}
