package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"decoupled.example/demo/kubernetes"
)

var errNotAllowed = errors.New("not on this cluster, then")

// askForCluster asks whether kubectl's current cluster is the one that is meant.
// Where nobody can be asked, it must have been said before.
func askForCluster(s *session, quiet bool) error {
	cluster, err := kubernetes.Context(s.ctx)
	if err != nil {
		return err
	}
	if quiet || !term.IsTerminal(int(os.Stdin.Fd())) {
		return fmt.Errorf("%w: this would play on the cluster %q: if it may, say so with --yes", errUsage, cluster)
	}
	fmt.Fprintf(s.stdout, "Play on the cluster %q? Each scenario makes a namespace of its own there, and removes it. [y/N] ", cluster)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errNotAllowed
	}
	return nil
}
