package kubernetes

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"decoupled.example/console/credentials"
)

// stageUser is the user that plays a scenario. It may do everything: listen to
// what passes, to strike at the right moment, and take part as someone else.
// Services and their rights are as they always are.
const stageUser = "stage"

// manifests is a copy of the project's, in a folder of its own: kustomize takes
// nothing from outside.
type manifests struct {
	dir     string // to be applied
	secrets credentials.Secrets
}

// makeManifests writes into a folder what makes a broker of that many nodes in a
// namespace, and both services without a replica.
func makeManifests(dir, namespace string, nodes int) (*manifests, error) {
	root, err := findRoot()
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(filepath.Join(dir, "deploy"), os.DirFS(filepath.Join(root, "deploy"))); err != nil {
		return nil, fmt.Errorf("cannot copy the manifests: %w", err)
	}
	m := &manifests{dir: filepath.Join(dir, "deploy", "kubernetes", "scenario")}
	if m.secrets, err = credentials.New(); err != nil {
		return nil, err
	}
	if err := m.addUser(filepath.Join(dir, "deploy", "nats", "users.conf")); err != nil {
		return nil, fmt.Errorf("cannot add a user to the broker's: %w", err)
	}
	from := "../base"
	if nodes > 1 {
		from = "../overlays/ha"
	}
	text := fmt.Sprintf("namespace: %s\nresources: [%s]\nreplicas:\n", namespace, from)
	for _, name := range []string{"requestor", "generator", "dashboard"} {
		text += fmt.Sprintf("  - { name: %s, count: 0 }\n", name)
	}
	err = errors.Join(os.Mkdir(m.dir, 0o755), os.WriteFile(filepath.Join(m.dir, "kustomization.yaml"), []byte(text), 0o600))
	if err != nil {
		return nil, fmt.Errorf("cannot write the manifests: %w", err)
	}
	return m, nil
}

// addUser gives the broker one more user.
func (m *manifests) addUser(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const list = "users: ["
	before, after, found := strings.Cut(string(content), list)
	if !found {
		return fmt.Errorf("there is no list of users in %s", file)
	}
	password := rand.Text()
	m.secrets[path.Join(stageUser, credentials.PasswordFile)] = password
	m.secrets[path.Join(credentials.BrokerFolder, credentials.UsersFile)] += fmt.Sprintf("STAGE_PASSWORD: %q\n", password)
	changed := before + list + " { user: " + stageUser + ", password: $STAGE_PASSWORD }" + after
	return os.WriteFile(file, []byte(changed), 0o600)
}

// errNoProject says where to go.
var errNoProject = errors.New("there is no deploy/kubernetes here or above: go to the project's folder")

// findRoot finds the project's folder from the working folder upwards.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the project: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "deploy", "kubernetes")); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", errNoProject
		}
		dir = above
	}
}
