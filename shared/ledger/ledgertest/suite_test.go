package ledgertest_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/ledger/ledgertest"
)

// mistake, in the environment, makes TestMemory test a ledger that has it.
const mistake = "LEDGERTEST_MISTAKE"

func TestMemory(t *testing.T) {
	t.Parallel()
	t.Run("suite", func(t *testing.T) {
		t.Parallel()
		ledgertest.Run(t, func(*testing.T) ledgertest.Store { return newMemory(os.Getenv(mistake)) })
	})
	t.Run("outages", func(t *testing.T) {
		t.Parallel()
		ledgertest.RunOutages(t, func(*testing.T) ledgertest.Stoppable { return newMemory(os.Getenv(mistake)) })
	})
}

// Each mistake must turn red the test that is about it. A test cannot fail
// another one in the same process, so the tests run again in one of their own.
func TestEachMistakeIsFound(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]string{
		"the last write wins":                 "suite/TheFirstWriteWins",
		"returns its own":                     "suite/TheFirstWriteWins",
		"each process has its own":            "suite/WritersAtOnceAgree",
		"stores the caller's bytes":           "suite/ValuesComeBackByteForByte",
		"cuts long values":                    "suite/ValuesComeBackByteForByte",
		"stores text":                         "suite/ValuesComeBackByteForByte",
		"returns in another order":            "suite/ResultsAreInTheOrderGiven",
		"makes up what is missing":            "suite/GetLeavesOutWhatIsNotThere",
		"stores what is before an invalid ID": "suite/InvalidIDsAreNamed",
		"counts the writes":                   "suite/CountIsTheNumberOfEntries",
		"newest first":                        "suite/AllIsOldestFirst",
		"leaves out the last":                 "suite/AllIsOldestFirst",
		"repeats the first":                   "suite/AllIsOldestFirst",
		"ignores the context":                 "suite/AnEndedContextEndsEveryCall",
		"blames the store":                    "suite/AnEndedContextEndsEveryCall",
		"forgets":                             "outages/WhatWasKeptStays",
		"blames the message":                  "outages/AContextThatEndsMeanwhileEndsEveryCall",
		"gives up in an outage":               "outages/AContextThatEndsMeanwhileEndsEveryCall",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMemory$/"+by+"$")
			test.Env = append(os.Environ(), mistake+"="+name)
			output, err := test.CombinedOutput()
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed, "%s", output)
			require.Contains(t, string(output), "--- FAIL: TestMemory/"+by)
		})
	}
}
