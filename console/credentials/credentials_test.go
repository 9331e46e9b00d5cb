package credentials_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"decoupled.example/console/credentials"
	"decoupled.example/console/secretfile"
)

var nodes = []string{"nats", "nats-2"}

func TestWriteMakesEachPasswordOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	written, err := credentials.Write(dir, nodes, secretfile.Private)
	require.NoError(t, err)
	require.Len(t, written, len(credentials.Users)+3)
	passwords := make(map[string]bool)
	for _, user := range credentials.Users {
		passwords[password(t, dir, user)] = true
		requireFits(t, dir, user)
	}
	require.Len(t, passwords, len(credentials.Users), "all differ")
	before := read(t, dir, "broker/users.conf")

	written, err = credentials.Write(dir, nodes, secretfile.Private)
	require.NoError(t, err)
	require.Empty(t, written)
	require.Equal(t, before, read(t, dir, "broker/users.conf"))
}

// A user's folder is all that its program sees, and the broker's has no password
// of a user.
func TestEachSeesItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := credentials.Write(dir, nodes, secretfile.Private)
	require.NoError(t, err)
	for _, user := range credentials.Users {
		files, err := os.ReadDir(filepath.Join(dir, user))
		require.NoError(t, err)
		require.Len(t, files, 1)
		for _, file := range []string{"broker/users.conf", "broker/nodes.conf"} {
			require.NotContains(t, read(t, dir, file), password(t, dir, user))
		}
	}
}

// What got lost, or does not fit, is made again; what is there stays.
func TestWriteMends(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(dir string) error{
		"a password is gone":        func(dir string) error { return os.Remove(filepath.Join(dir, "requestor/password")) },
		"a password is empty":       func(dir string) error { return replace(dir, "requestor/password", "") },
		"a password was changed":    func(dir string) error { return replace(dir, "requestor/password", "another\n") },
		"the broker's part is":      func(dir string) error { return os.RemoveAll(filepath.Join(dir, "broker")) },
		"the hashes are unreadable": func(dir string) error { return replace(dir, "broker/users.conf", "half of it") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, err := credentials.Write(dir, nodes, secretfile.Private)
			require.NoError(t, err)
			before := password(t, dir, credentials.Operator)
			require.NoError(t, harm(dir))
			written, err := credentials.Write(dir, nodes, secretfile.Private)
			require.NoError(t, err)
			require.NotEmpty(t, written)
			for _, user := range credentials.Users {
				requireFits(t, dir, user)
			}
			require.Equal(t, before, password(t, dir, credentials.Operator))
		})
	}
}

func TestNodesMayChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := credentials.Write(dir, nodes, secretfile.Private)
	require.NoError(t, err)
	secret := strings.TrimSpace(read(t, dir, "broker/nodes.password"))
	written, err := credentials.Write(dir, append(nodes, "nats-3"), secretfile.Private)
	require.NoError(t, err)
	require.Equal(t, []string{"broker/nodes.conf"}, written)
	require.Contains(t, read(t, dir, "broker/nodes.conf"), "nats-route://nodes:"+secret+"@nats-3:6222")

	written, err = credentials.Write(dir, nil, secretfile.Private)
	require.NoError(t, err)
	require.Empty(t, written, "a broker that is alone does not take the others' nodes away")
}

// Only who makes the files can read them, also those that were there before; or
// everyone who can reach them, for the users of containers.
func TestFilesArePrivateUnlessTheyAreShared(t *testing.T) {
	t.Parallel()
	modes := func(dir string) map[fs.FileMode]int {
		modes := make(map[fs.FileMode]int)
		require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || path == dir {
				return err
			}
			info, err := entry.Info()
			modes[info.Mode()]++
			return err
		}))
		return modes
	}
	folders, files := len(credentials.Users)+1, len(credentials.Users)+3
	dir := t.TempDir()
	_, err := credentials.Write(dir, nodes, secretfile.Shared)
	require.NoError(t, err)
	require.Equal(t, map[fs.FileMode]int{fs.ModeDir | 0o755: folders, 0o444: files}, modes(dir))

	written, err := credentials.Write(dir, nodes, secretfile.Private)
	require.NoError(t, err)
	require.Empty(t, written)
	require.Equal(t, map[fs.FileMode]int{fs.ModeDir | 0o700: folders, 0o400: files}, modes(dir))

	dir = t.TempDir()
	_, err = credentials.Write(dir, nodes, secretfile.Private)
	require.NoError(t, err)
	require.Equal(t, map[fs.FileMode]int{fs.ModeDir | 0o700: folders, 0o600: files}, modes(dir))
}

func TestWrite_NamesTheFolderItCannotWrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := credentials.Write(file, nodes, secretfile.Private)
	require.ErrorContains(t, err, "cannot write credentials")
	require.ErrorContains(t, err, file)
}

func requireFits(t *testing.T, dir, user string) {
	t.Helper()
	found := regexp.MustCompile(strings.ToUpper(user) + `_PASSWORD: "(.*)"`).FindStringSubmatch(read(t, dir, "broker/users.conf"))
	require.Len(t, found, 2)
	require.NoError(t, bcrypt.CompareHashAndPassword([]byte(found[1]), []byte(password(t, dir, user))), user)
}

func password(t *testing.T, dir, user string) string {
	t.Helper()
	return strings.TrimSpace(read(t, dir, user+"/password"))
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(content)
}

// replace writes a file anew, as it may be read-only.
func replace(dir, name, content string) error {
	path := filepath.Join(dir, name)
	if err := os.Remove(path); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o444)
}
