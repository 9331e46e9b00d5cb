package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/scenario"
	"decoupled.example/demo/stage"
)

func TestScenarioList(t *testing.T) {
	t.Parallel()
	code, stdout, _ := demo(t.Context(), t, "scenario", "list")
	require.Zero(t, code)
	_, asJSON, _ := demo(t.Context(), t, "scenario", "list", "--json")
	var listed []struct{ Name, Claim, Predict string }
	require.NoError(t, json.Unmarshal([]byte(asJSON), &listed))
	require.Len(t, listed, len(scenario.All))
	for i, one := range scenario.All {
		require.Regexp(t, `(?m)^`+one.Name+` +`+one.Title+`$`, stdout)
		require.Equal(t, one.Name, listed[i].Name)
		for _, text := range []string{one.Claim, one.Predict, one.Explain} {
			require.NotEmpty(t, text, "%s is not told", one.Name)
		}
	}
	require.Contains(t, stdout, "--on processes")
}

func TestScenario_PrintsItsStory(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := demo(t.Context(), t, "scenario", "run", "strangers", "wiretap", "--requests", "200", "--seed", "42")
	require.Zero(t, code, "%s\n%s", stdout, stderr)
	for _, part := range []string{
		"strangers · neither side", "on embedded, seed 42", "Claim", "Predict", "Explain",
		"▸ the first generator starts", "✓ nothing is lost", "of 200, 200 complete",
		"HOLDS    strangers", "HOLDS    wiretap",
	} {
		require.Contains(t, stdout, part)
	}
	require.Equal(t, 2, strings.Count(stdout, "HOLDS    wiretap"), "once in its place, once in the summary")
	require.NotContains(t, stdout, "\x1b[", "no terminal, no escape sequences")
}

func TestScenarioAsJSON(t *testing.T) {
	t.Parallel()
	code, stdout, _ := demo(t.Context(), t, "scenario", "run", "strangers", "--requests", "200", "--seed", "42", "--json")
	require.Zero(t, code)
	var result stage.Result
	require.NoError(t, json.Unmarshal([]byte(stdout), &result), stdout)
	require.Equal(t, "strangers", result.Scenario)
	require.Equal(t, "embedded", result.On)
	require.EqualValues(t, 42, result.Seed)
	require.Equal(t, stage.Holds, result.Verdict)
	require.NotEmpty(t, result.Checks)
}

func TestScenarioInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	code, stdout, stderr := demo(ctx, t, "scenario", "run", "--all")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "interrupted")
	require.Contains(t, stdout, "FAILS")
	require.NotContains(t, stdout, scenario.All[1].Title, "the others are not begun")
}

// The exit code is 0 only if something was played and all of it holds.
func TestJudge(t *testing.T) {
	t.Parallel()
	results := func(verdicts ...stage.Verdict) (all []stage.Result) {
		for _, v := range verdicts {
			all = append(all, stage.Result{Verdict: v})
		}
		return all
	}
	require.NoError(t, judge(results(stage.Holds, stage.Skipped, stage.Holds)))
	require.Error(t, judge(results(stage.Holds, stage.Fails, stage.Holds)))
	require.Error(t, judge(results(stage.Skipped)))
	require.Error(t, judge(nil))
}

func TestScenarioWrongUsage(t *testing.T) {
	t.Parallel()
	for args, named := range map[string]string{
		"scenario run":                        "--all",
		"scenario run no-such":                `"no-such"; there are round-trip, strangers`,
		"scenario run strangers no-such":      `"no-such"`,
		"scenario run strangers --all":        "--all",
		"scenario run strangers --on mars":    `"mars"; there are embedded, processes`,
		"scenario run strangers --requests 3": "--requests must be at least 200",
		"scenario run strangers --seed x":     "--seed",
		"scenario ran":                        "ran",
	} {
		code, _, stderr := demo(t.Context(), t, strings.Fields(args)...)
		require.Equal(t, exitUsage, code, args)
		require.Contains(t, stderr, named)
	}
}
