package stdio_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/stdio"
)

// full is a disk with room for so many writes.
type full struct {
	room  int
	wrote bytes.Buffer
}

func (f *full) Write(p []byte) (int, error) {
	if f.room == 0 {
		return 0, syscall.ENOSPC
	}
	f.room--
	return f.wrote.Write(p)
}

func TestOutput_RecordsItsFirstError(t *testing.T) {
	t.Parallel()
	disk := &full{room: 1}
	out := stdio.NewOutput(disk)
	fmt.Fprintln(out, "one")
	require.NoError(t, out.Err())
	select {
	case <-out.Failed():
		require.Fail(t, "nothing has failed yet")
	default:
	}
	fmt.Fprintln(out, "two")
	require.ErrorIs(t, out.Err(), syscall.ENOSPC)
	<-out.Failed()
	disk.room = 1
	_, err := fmt.Fprintln(out, "three")
	require.ErrorIs(t, err, syscall.ENOSPC, "what follows a gap is not written")
	require.Equal(t, "one\n", disk.wrote.String())
}

func TestExit_IsNeverDoneWhenTheOutputIsIncomplete(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err        error
		code, want int
		reported   bool
	}{
		"written":                  {nil, 0, 0, false},
		"written, and failed":      {nil, 1, 1, false},
		"full":                     {syscall.ENOSPC, 0, 1, true},
		"full, and failed":         {syscall.ENOSPC, 1, 1, true},
		"full, and wrong usage":    {syscall.EIO, 2, 2, true},
		"the reader left":          {syscall.EPIPE, 0, 141, false},
		"the reader left a failed": {&os.PathError{Err: syscall.EPIPE}, 1, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := stdio.NewOutput(writer(func(p []byte) (int, error) { return len(p), test.err }))
			fmt.Fprintln(out, "text")
			var stderr bytes.Buffer
			require.Equal(t, test.want, out.Exit(test.code, "tester", &stderr))
			require.Equal(t, test.reported, strings.HasPrefix(stderr.String(), "tester: cannot write to standard output: "), stderr.String())
		})
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestWhatIsNoTerminalIsNotTakenForOne(t *testing.T) {
	t.Parallel()
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	for _, w := range []*stdio.Output{stdio.NewOutput(&bytes.Buffer{}), stdio.NewOutput(file)} {
		require.False(t, stdio.IsTerminal(w))
		require.False(t, stdio.Obeys(w))
		require.Equal(t, 80, stdio.Width(w))
	}
}

func TestCut_FitsIntoTheWidth(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "REQUESTS 1,000", "████░░░░ 5 of 10 …", "東京 is two cells each", "✓ done 🎉", "\xff\xfe"} {
		for width := range 30 {
			cut := stdio.Cut(line, width)
			require.LessOrEqual(t, stdio.Cells(cut), width)
			require.True(t, strings.HasPrefix(line, cut))
			if stdio.Cells(line) <= width {
				require.Equal(t, line, cut)
			}
		}
	}
	require.Equal(t, 4, stdio.Cells("東京"))
	require.Equal(t, "東", stdio.Cut("東京", 3))
}
