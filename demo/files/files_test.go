package files_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/files"
)

func TestRootIsFoundFromWithinTheProject(t *testing.T) {
	root, err := files.Root()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(root, "deploy", "nats", "users.conf"))

	t.Chdir(t.TempDir())
	_, err = files.Root()
	require.ErrorContains(t, err, "go to the project's folder")
}

func TestAddStageNeedsAListOfUsers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "users.conf")
	require.ErrorContains(t, files.AddStage(file, `"secret"`), "cannot add a user")
	require.NoError(t, os.WriteFile(file, []byte("authorization {}"), 0o600))
	require.ErrorContains(t, files.AddStage(file, `"secret"`), "no list of users")
}
