package secretfile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/secretfile"
)

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Mode().Perm()
}

func TestWrite_MakesPrivateOrSharedFiles(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		access       secretfile.Access
		file, folder fs.FileMode
	}{
		{secretfile.Private, 0o600, 0o700},
		{secretfile.Shared, 0o444, 0o755},
	} {
		path := filepath.Join(t.TempDir(), "new", "user", "password")
		for _, content := range []string{"first", "second"} {
			require.NoError(t, test.access.Write(path, []byte(content)))
			written, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, content, string(written))
			require.Equal(t, test.file, mode(t, path))
			require.Equal(t, test.folder, mode(t, filepath.Dir(path)))
			require.Equal(t, test.folder, mode(t, filepath.Dir(filepath.Dir(path))))
		}
		left, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, left, 1)
	}
}

// What was made by hand, or shared, becomes private; what is private stays so.
func TestProtect_TakesAndNeverGives(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "password")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Chmod(path, 0o644))
	require.NoError(t, os.Chmod(folder, 0o755))
	require.NoError(t, secretfile.Shared.Protect(path))
	require.EqualValues(t, 0o644, mode(t, path))
	require.NoError(t, secretfile.Private.Protect(path))
	require.EqualValues(t, 0o600, mode(t, path))
	require.EqualValues(t, 0o700, mode(t, folder))
	require.NoError(t, secretfile.Shared.Protect(path))
	require.EqualValues(t, 0o600, mode(t, path))
	require.ErrorIs(t, secretfile.Private.Protect(filepath.Join(folder, "none")), fs.ErrNotExist)
}

func TestWrite_LeavesNothingWhereItCannot(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "password"), 0o700)) // in the way
	require.Error(t, secretfile.Private.Write(filepath.Join(folder, "password"), []byte("secret")))
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1)
}
