package processes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/rs/zerolog"

	"decoupled.example/demo/deployment"
)

// Programs are the services' binaries. They are built when they are needed first.
// The zero value is ready; it may be used concurrently.
type Programs struct {
	mu  sync.Mutex
	dir string
}

// Kind deploys everything as processes of these programs.
func (p *Programs) Kind() deployment.Kind {
	return deployment.Kind{
		Name:  "processes",
		About: "each replica and the broker a process; real signals",
		Start: func(ctx context.Context, needs deployment.Needs, log zerolog.Logger) (deployment.Deployment, error) {
			d, err := p.start(ctx, needs, log)
			if err != nil {
				return nil, err // and not a nil *processes
			}
			return d, nil
		},
	}
}

// build returns the folder with a program for each service. It needs the go
// command, and to be called somewhere within the project.
func (p *Programs) build(ctx context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dir != "" {
		return p.dir, nil
	}
	dir, err := os.MkdirTemp("", "decoupled-")
	if err != nil {
		return "", fmt.Errorf("cannot make a folder for the services' programs: %w", err)
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator),
		"decoupled.example/requestor/cmd/requestor", "decoupled.example/generator/cmd/generator").CombinedOutput()
	if err != nil {
		_ = os.RemoveAll(dir) // a temporary folder
		return "", fmt.Errorf("cannot build the services (it takes the go command, and a folder of the project to be in): %w\n%s", err, out)
	}
	p.dir = dir
	return dir, nil
}

// Remove removes the programs. No deployment may be running.
func (p *Programs) Remove() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	dir := p.dir
	p.dir = ""
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("cannot remove the services' programs: %w", err)
	}
	return nil
}
