// Package files finds the project's own files, for the kinds of deployment that
// deploy just those, and adds to a copy of them what a scenario needs.
package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Stage is the user that plays a scenario. It may do everything: listen to what
// passes, to strike at the right moment, and take part as someone else. Services
// and their rights are as they always are.
const Stage = "stage"

// mark is what only the project's folder has.
const mark = "docker-compose.yml"

// errNoProject says where to go.
var errNoProject = errors.New("there is no " + mark + " here or above: go to the project's folder")

// Root finds the project's folder from the working folder upwards.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the project: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, mark)); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", errNoProject
		}
		dir = above
	}
}

// AddStage adds the user Stage to a copy of the broker's list of users. The
// password is as the configuration has it: quoted, or a variable.
func AddStage(users, password string) error {
	content, err := os.ReadFile(users)
	if err != nil {
		return fmt.Errorf("cannot add a user: %w", err)
	}
	const list = "users: ["
	before, after, found := strings.Cut(string(content), list)
	if !found {
		return fmt.Errorf("cannot add a user: there is no list of users in %s", users)
	}
	changed := before + list + " { user: " + Stage + ", password: " + password + " }" + after
	if err := os.WriteFile(users, []byte(changed), 0o644); err != nil { //nolint:gosec // the broker reads it as another user; it is below a folder of our own
		return fmt.Errorf("cannot add a user: %w", err)
	}
	return nil
}
