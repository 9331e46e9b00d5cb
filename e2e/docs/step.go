package docs

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Who executes the commands of a Step.
const (
	Local      = "" // package e2e
	Containers = "containers"
	Kubernetes = "kubernetes"
	Skipped    = "skip"
)

// Step is a block of commands with the output that the page shows for it.
type Step struct {
	Page     string
	Line     int
	Runner   string // Local, Containers, Kubernetes or Skipped
	Reason   string // why nobody executes it, for Skipped
	Commands []string

	// Background, of Local, lets the last command run on while the next ones are
	// executed. ExitCode is that of the last command.
	Background bool
	ExitCode   int

	Outputs []Output
}

// Output is output that a page shows.
type Output struct {
	Lines []string
	// AfterInterrupt is for what the last background command prints once it is
	// interrupted.
	AfterInterrupt bool
}

// Where names the step in an error.
func (s Step) Where() string { return fmt.Sprintf("%s:%d", s.Page, s.Line) }

// Steps returns the commands of the page in their order. It fails when it is not
// clear who executes a block.
func (p Page) Steps() ([]Step, error) {
	var steps []Step
	var failed []error
	fail := func(b Block, format string, args ...any) {
		failed = append(failed, fmt.Errorf("%s:%d: %s", p.Path, b.Line, fmt.Sprintf(format, args...)))
	}
	for _, b := range p.Blocks {
		switch b.Language {
		case "sh":
			step := Step{Page: p.Path, Line: b.Line, Commands: commands(b.Lines)}
			if err := step.read(b.Info); err != nil {
				fail(b, "%v", err)
			}
			steps = append(steps, step)
		case "text":
			after := b.Info == "after Ctrl-C"
			switch {
			case len(steps) == 0:
				fail(b, "there are no commands before this output")
			case b.Info != "" && !after:
				fail(b, "unknown kind of output %q", b.Info)
			default:
				last := &steps[len(steps)-1]
				last.Outputs = append(last.Outputs, Output{b.Lines, after})
			}
		case "":
			for _, line := range b.Lines {
				if looksLikeCommand.MatchString(line) {
					fail(b, "%q looks like a command: fence it as sh", strings.TrimSpace(line))
					break
				}
			}
		}
	}
	return steps, errors.Join(failed...)
}

// looksLikeCommand finds commands that are fenced as something else.
var looksLikeCommand = regexp.MustCompile(`^ *(\$ |(go|git|docker|kubectl|kind|k3d|minikube|helm|nats|curl|\.ci/run) )`)

// read takes what follows sh in the first line of a block.
func (s *Step) read(info string) error {
	word, rest, _ := strings.Cut(info, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case info == "background":
		s.Background = true
	case word == "exits":
		code, err := strconv.Atoi(rest)
		if err != nil || code <= 0 {
			return fmt.Errorf("%q is not an exit code above 0", rest)
		}
		s.ExitCode = code
	case info == Local, info == Containers, info == Kubernetes:
		s.Runner = info
	case word == "skip:":
		if rest == "" {
			return errors.New("no test executes this block, and there is no reason")
		}
		s.Runner, s.Reason = Skipped, rest
	default:
		return fmt.Errorf("unknown runner %q", info)
	}
	return nil
}

// commands returns the lines of a block without comments; a line that ends in a
// backslash goes on in the next one.
func commands(lines []string) (all []string) {
	goesOn := false
	for _, line := range lines {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		before, more := strings.CutSuffix(text, `\`)
		if goesOn {
			all[len(all)-1] += " " + strings.TrimSpace(before)
		} else {
			all = append(all, strings.TrimSpace(before))
		}
		goesOn = more
	}
	return all
}
