package kubernetes

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"decoupled.example/console/credentials"
	"decoupled.example/demo/files"
)

// manifests is a copy of the project's, in a folder of its own: kustomize takes
// nothing from outside.
type manifests struct {
	dir     string // to be applied
	secrets credentials.Secrets
}

// makeManifests writes into a folder what makes a broker of that many nodes in a
// namespace, and both services without a replica.
func makeManifests(dir, namespace string, nodes int) (*manifests, error) {
	root, err := files.Root()
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
	if err := m.addStage(filepath.Join(dir, "deploy", "nats", "users.conf")); err != nil {
		return nil, err
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

// addStage gives the broker the scenario's user.
func (m *manifests) addStage(users string) error {
	password := rand.Text()
	m.secrets[path.Join(files.Stage, credentials.PasswordFile)] = password
	m.secrets[path.Join(credentials.BrokerFolder, credentials.UsersFile)] += fmt.Sprintf("STAGE_PASSWORD: %q\n", password)
	return files.AddStage(users, "$STAGE_PASSWORD")
}
