package compose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"decoupled.example/demo/files"
)

const (
	file        = "docker-compose.yml"
	clusterFile = "deploy/compose/cluster.yaml"
)

// project is one compose project, and the command that works on it.
type project struct {
	name  string
	root  string   // the folder of docker-compose.yml
	files []string // the last is the override
	port  int      // of the broker, or of its first node
}

// override is a compose file that changes the project's, as JSON, which is YAML.
type override struct {
	Services map[string]changed `json:"services"`
}

type changed struct {
	Environment []string `json:"environment,omitempty"`
	Ports       []string `json:"ports,omitempty"`
	Volumes     []string `json:"volumes,omitempty"`
	Restart     string   `json:"restart,omitempty"`
}

// newProject finds the project's files, and makes a name that no other has.
func newProject(dir string, nodes, port int) (*project, error) {
	root, err := files.Root()
	if err != nil {
		return nil, err
	}
	p := &project{name: strings.ToLower(filepath.Base(dir)), root: root, port: port}
	p.files = append(p.files, filepath.Join(root, file))
	if nodes > 1 {
		p.files = append(p.files, filepath.Join(root, clusterFile))
	}
	p.files = append(p.files, filepath.Join(dir, "override.json"))
	return p, nil
}

// change writes the override. It holds from the next command on.
func (p *project) change(o override) error {
	content, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return os.WriteFile(p.files[len(p.files)-1], content, 0o600)
}

// compose runs a command of docker compose.
func (p *project) compose(ctx context.Context, args ...string) (string, error) {
	all := []string{"compose", "--progress", "quiet", "--project-name", p.name, "--project-directory", p.root}
	for _, f := range p.files {
		all = append(all, "--file", f)
	}
	return p.docker(ctx, append(all, args...)...)
}

// docker runs a docker command and returns what it printed.
func (p *project) docker(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(os.Environ(), "NATS_PORT="+strconv.Itoa(p.port))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("cannot deploy in containers without Docker: %w", err)
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// newest is the ID of the newest running container of a service, "" if there is
// none.
func (p *project) newest(ctx context.Context, service string) (string, error) {
	out, err := p.docker(ctx, "ps", "--quiet", "--no-trunc",
		"--filter", "label=com.docker.compose.project="+p.name, "--filter", "label=com.docker.compose.service="+service)
	first, _, _ := strings.Cut(out, "\n") // the newest comes first
	return first, err
}
