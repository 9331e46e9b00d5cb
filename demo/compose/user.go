package compose

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// stageUser is the user that plays a scenario. It may do everything: listen to
// what passes, to strike at the right moment, and take part as someone else.
// Services and their rights are as they always are.
const stageUser = "stage"

// addUser writes a copy of the broker's configuration with one more user, and the
// user's password where the others' are.
func addUser(root, dir string) (configuration string, err error) {
	configuration = filepath.Join(dir, "nats")
	if err := os.CopyFS(configuration, os.DirFS(filepath.Join(root, "deploy", "nats"))); err != nil {
		return "", fmt.Errorf("cannot copy the broker's configuration: %w", err)
	}
	users := filepath.Join(configuration, "users.conf")
	content, err := os.ReadFile(users)
	if err != nil {
		return "", fmt.Errorf("cannot add a user: %w", err)
	}
	const list = "users: ["
	before, after, found := strings.Cut(string(content), list)
	if !found {
		return "", fmt.Errorf("cannot add a user: there is no list of users in %s", users)
	}
	password := rand.Text()
	content = fmt.Appendf(nil, "%s%s { user: %s, password: %q }%s", before, list, stageUser, password, after)
	folder := filepath.Join(dir, stageUser)
	err = errors.Join(os.WriteFile(users, content, 0o644), os.Mkdir(folder, 0o700), //nolint:gosec // below a folder of our own
		os.WriteFile(filepath.Join(folder, "password"), []byte(password), 0o600))
	if err != nil {
		return "", fmt.Errorf("cannot add a user: %w", err)
	}
	return configuration, nil
}
