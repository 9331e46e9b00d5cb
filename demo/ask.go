package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"decoupled.example/demo/kubernetes"
	"decoupled.example/demo/stage"
)

var errNotAllowed = errors.New("not on this cluster, then")

// askForCluster asks whether kubectl's current cluster is the one that is meant.
// Without a terminal, the flag must have been given.
func askForCluster(s *session, quiet bool) error {
	cluster, err := kubernetes.Context()
	if err != nil {
		return err
	}
	if quiet || !term.IsTerminal(int(os.Stdin.Fd())) {
		return fmt.Errorf("%w: this would play on the cluster %q: confirm with --yes", errUsage, cluster)
	}
	fmt.Fprintf(s.stdout, "Play on the cluster %q? Each scenario makes a namespace of its own there, and removes it. [y/N] ", cluster)
	return agreed(s.ctx, os.Stdin)
}

// agreed reads the answer, and does not wait for it once ctx has ended.
func agreed(ctx context.Context, in io.Reader) error {
	answered := make(chan string, 1)
	go func() { // nothing can stop it from reading: without an answer it ends with the program
		line, _ := bufio.NewReader(in).ReadString('\n') // what there is of a line is the answer
		answered <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-answered:
		if answer != "y" && answer != "yes" {
			return errNotAllowed
		}
		return nil
	case <-ctx.Done():
		return stage.ErrInterrupted
	}
}
