package docs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const page = "# A title\n" +
	"\n" +
	"A paragraph\nof two lines.\n" +
	"\n" +
	"- one item\n  that goes on\n" +
	"- another\n" +
	"\n" +
	"| a cell | a second |\n|---|---|\n| `x` | y |\n" +
	"\n" +
	"```sh skip: it takes too long\n# why\ngo run ./demo \\\n  --rate 3\n```\n" +
	"\n" +
	"<!-- nobody\nsees this -->\n" +
	"```text\nok\n```\n" +
	"\n" +
	"    indented\n\n    code\n" +
	"\n" +
	"The end.\n"

func TestParse(t *testing.T) {
	t.Parallel()
	p := parse("page.md", page)
	require.Equal(t, []Text{{1, "A title"}}, p.Headings)
	require.Equal(t, []Text{
		{3, "A paragraph of two lines."},
		{6, "one item that goes on"}, {8, "another"},
		{10, "a cell"}, {10, "a second"}, {12, "`x`"}, {12, "y"},
		{30, "The end."},
	}, p.Prose)
	require.Equal(t, []Block{
		{Line: 14, Language: "sh", Info: "skip: it takes too long", Lines: []string{"# why", "go run ./demo \\", "  --rate 3"}},
		{Line: 22, Language: "text", Lines: []string{"ok"}},
		{Line: 26, Lines: []string{"indented", "", "code"}},
	}, p.Blocks)
}

func TestSteps(t *testing.T) {
	t.Parallel()
	steps, err := parse("page.md", page).Steps()
	require.NoError(t, err)
	require.Equal(t, []Step{{
		Page: "page.md", Line: 14, Runner: Skipped, Reason: "it takes too long",
		Commands: []string{"go run ./demo --rate 3"}, Outputs: []Output{{Lines: []string{"ok"}}},
	}}, steps)
}

func TestSteps_OfEachKind(t *testing.T) {
	t.Parallel()
	for info, want := range map[string]Step{
		"":                {},
		" background":     {Background: true},
		" exits 1":        {ExitCode: 1},
		" containers":     {Runner: Containers},
		" kubernetes":     {Runner: Kubernetes},
		" skip: a reason": {Runner: Skipped, Reason: "a reason"},
	} {
		steps, err := parse("page.md", "```sh"+info+"\nrun\n```\n").Steps()
		require.NoError(t, err, info)
		want.Page, want.Line, want.Commands = "page.md", 1, []string{"run"}
		require.Equal(t, []Step{want}, steps, info)
	}
}

// A block that nobody executes, or that hides commands, is an error.
func TestSteps_RefusesBlocksWithoutARunner(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"```sh later\nrun\n```\n":                         `page.md:1: unknown runner "later"`,
		"```sh skip:\nrun\n```\n":                         "page.md:1: no test executes this block, and there is no reason",
		"```sh exits 0\nrun\n```\n":                       `page.md:1: "0" is not an exit code above 0`,
		"```text\nok\n```\n":                              "page.md:1: there are no commands before this output",
		"```sh\nrun\n```\n\n```text later\n```\n":         `page.md:5: unknown kind of output "later"`,
		"```\ngo run ./demo\n```\n":                       `page.md:1: "go run ./demo" looks like a command`,
		"Text\n\n    docker compose up\n":                 `page.md:3: "docker compose up" looks like a command`,
		"- an item\n\n  ```\n  kubectl get pods\n  ```\n": `page.md:3: "kubectl get pods" looks like a command`,
	} {
		_, err := parse("page.md", content).Steps()
		require.ErrorContains(t, err, want, content)
	}
}
