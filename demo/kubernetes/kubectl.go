package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
)

// Context is the cluster that kubectl works on. It is not asked whether it is
// there.
//
// It is the same for as long as the program runs: a user who has agreed to one
// cluster does not get another because the context was switched meanwhile.
var Context = sync.OnceValues(func() (string, error) {
	name, err := run(context.Background(), "", "config", "current-context") // it only reads a file
	if err != nil {
		return "", fmt.Errorf("cannot determine the current cluster: %w", err)
	}
	return strings.TrimSpace(name), nil
})

// kubectl is the command, for one namespace of one cluster, whatever the current
// ones become meanwhile.
type kubectl struct{ context, namespace string }

func (k kubectl) args(args ...string) []string {
	return append([]string{"--context", k.context, "--namespace", k.namespace}, args...)
}

// do runs a command.
func (k kubectl) do(ctx context.Context, args ...string) error {
	_, err := run(ctx, "", k.args(args...)...)
	return err
}

// apply applies a manifest.
func (k kubectl) apply(ctx context.Context, manifest string) error {
	_, err := run(ctx, manifest, k.args("apply", "--filename", "-")...)
	return err
}

// run runs a kubectl command and returns what it printed.
func run(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	cmd.Stdin = strings.NewReader(input)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("cannot deploy on a cluster without kubectl: %w", err)
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return string(out), nil
}
