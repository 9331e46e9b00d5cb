package compose

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"decoupled.example/console/credentials"
	"decoupled.example/demo/files"
)

// addUser writes a copy of the broker's configuration with one more user, and the
// user's password where the others' are.
func addUser(root, dir string) (configuration string, err error) {
	configuration = filepath.Join(dir, "nats")
	if err := os.CopyFS(configuration, os.DirFS(filepath.Join(root, "deploy", "nats"))); err != nil {
		return "", fmt.Errorf("cannot copy the broker's configuration: %w", err)
	}
	password := rand.Text()
	if err := files.AddStage(filepath.Join(configuration, "users.conf"), strconv.Quote(password)); err != nil {
		return "", err
	}
	folder := filepath.Join(dir, files.Stage)
	err = errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(filepath.Join(folder, credentials.PasswordFile), []byte(password), 0o600))
	if err != nil {
		return "", fmt.Errorf("cannot add a user: %w", err)
	}
	return configuration, nil
}
