package docs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckGlossary(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "letters", ".hidden"), 0o700))
	for name, content := range map[string]string{
		"letters/.hidden/grace.md": "",
		"dead_letter.go":           "package p\n",
		"give-up.yaml":             "",
		"names.go": `package p
func HandsBack() { settle() }
func settle() {}
type Trial struct { Grace, Returns int; grace int }
type Queue interface { TurnOf() }
const DeadLetters, KeepAll, Keep = 1, 2, 3
func Test_SaysWhy() {}
`,
		"flags.go": "package p\ntype flags struct {\n\tgrace int `name:\"who\" help:\"How long the broker may be away.\"`\n\tok bool `help:\"Print.\"`\n}\n",
		"messages.go": `package p
func f() {
	errors.New("the broker is away")
	fmt.Errorf("the dead letter " + "was set aside: %w", err)
	log.Info().Msg("Nobody answers")
	log.Warn().Msgf("waited %v in vain", d)
	log.Error("it is away", "who", me)
	errors.New("dead-letter it: 5 letters and digits, in graceful returns, turned down with --grace")
	fmt.Println("told")
	log.Info().Str("who", "me").Msg("kept what was stored")
}
`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o600))
	}
	found, err := CheckGlossary(root)
	require.NoError(t, err)
	var all []string
	for _, f := range found {
		f.Better = ""
		all = append(all, f.String())
	}
	require.ElementsMatch(t, []string{
		`letters: "letters" in the name`,
		`give-up.yaml: "give up" in the name`,
		`names.go:2: "hands back" in the identifier HandsBack`,
		`names.go:4: "trial" in the identifier Trial`,
		`names.go:4: "grace" in the identifier Grace`,
		`names.go:5: "turn" in the identifier TurnOf`,
		`names.go:6: "keep" in the identifier KeepAll`,
		`names.go:7: "says" in the identifier Test_SaysWhy`,
		`flags.go:3: "away" in the help text "How long the broker may be away."`,
		`messages.go:3: "away" in the message "the broker is away"`,
		`messages.go:4: "set aside" in the message "was set aside: %w"`,
		`messages.go:5: "nobody" in the message "Nobody answers"`,
		`messages.go:6: "in vain" in the message "waited %v in vain"`,
		`messages.go:7: "away" in the message "it is away"`,
	}, all)
}

func TestFinding_StatesWhatToWriteInstead(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "a.go"), []byte("package a\nvar Grace int\n"), 0o600))
	found, err := CheckGlossary(root)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, `a.go:2: "grace" in the identifier Grace; write shutdown timeout`, found[0].String())
}
