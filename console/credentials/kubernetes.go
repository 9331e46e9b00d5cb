package credentials

import (
	_ "embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template"
)

// Namespace is where deploy/kubernetes deploys.
const Namespace = "decoupled"

// pods are the nodes in deploy/kubernetes, as they find each other.
var pods = []string{"nats-0.nats-nodes", "nats-1.nats-nodes", "nats-2.nats-nodes"}

// Secrets are new credentials that are in no folder: by its path in one, the
// content of each file.
type Secrets map[string]string

// New makes credentials for a deployment on Kubernetes, of one node or three.
func New() (Secrets, error) {
	s, passwords := make(Secrets), make(map[string]string)
	for _, user := range Users {
		passwords[user] = password()
		s[path.Join(user, PasswordFile)] = passwords[user] + "\n"
	}
	users, err := usersFile(passwords)
	if err != nil {
		return nil, err
	}
	s[path.Join(BrokerFolder, UsersFile)] = string(users)
	s[path.Join(BrokerFolder, NodesFile)] = string(nodesFile(password(), pods))
	return s, nil
}

// Password is a user's.
func (s Secrets) Password(user string) string {
	return strings.TrimSpace(s[path.Join(user, PasswordFile)])
}

//go:embed kubernetes.yaml
var kubernetesText string

var kubernetesTemplate = template.Must(template.New("kubernetes.yaml").Parse(kubernetesText))

// Manifest is a namespace, and for each folder a Secret of that name in it, as
// YAML.
//
// The Secrets are immutable. A second manifest is therefore refused, instead of giving
// the programs passwords that the broker does not know.
func (s Secrets) Manifest(namespace string) (string, error) {
	type file struct {
		Name  string
		Lines []string
	}
	type secret struct {
		Name  string
		Files []file
	}
	var secrets []secret
	for _, name := range slices.Sorted(maps.Keys(s)) {
		folder := path.Dir(name)
		if len(secrets) == 0 || secrets[len(secrets)-1].Name != folder {
			secrets = append(secrets, secret{Name: folder})
		}
		last := &secrets[len(secrets)-1]
		lines := strings.Split(strings.TrimSuffix(s[name], "\n"), "\n")
		last.Files = append(last.Files, file{path.Base(name), lines})
	}
	var b strings.Builder
	err := kubernetesTemplate.Execute(&b, map[string]any{"Namespace": namespace, "Secrets": secrets})
	if err != nil {
		return "", fmt.Errorf("cannot write the manifest: %w", err)
	}
	return b.String(), nil
}
