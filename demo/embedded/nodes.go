package embedded

import (
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"decoupled.example/demo/broker"
)

// nodes are the brokers of a deployment that has its own.
type nodes struct {
	options []broker.Options
	running map[string]*broker.Broker
	log     zerolog.Logger
}

func startNodes(dir string, n int, log zerolog.Logger) (*nodes, error) {
	options, err := broker.Nodes(dir, n)
	if err != nil {
		return nil, err
	}
	all := &nodes{options: options, running: make(map[string]*broker.Broker), log: log}
	for _, o := range options {
		if err := all.start(o.Name); err != nil {
			all.stopAll()
			return nil, err
		}
	}
	return all, nil
}

func (n *nodes) start(name string) error {
	o, err := broker.Find(n.options, name)
	if err != nil {
		return fmt.Errorf("cannot start the broker: %w", err)
	}
	if n.running[o.Name] != nil {
		return nil
	}
	b, err := broker.Start(o, n.log)
	if err == nil {
		n.running[o.Name] = b
	}
	return err
}

func (n *nodes) stop(name string) error {
	o, err := broker.Find(n.options, name)
	if err != nil {
		return fmt.Errorf("cannot stop the broker: %w", err)
	}
	b := n.running[o.Name]
	if b == nil {
		return fmt.Errorf("cannot stop the broker %s: %w", o.Name, errNotRunning)
	}
	delete(n.running, o.Name)
	b.Stop()
	return nil
}

var errNotRunning = errors.New("it is not running")

func (n *nodes) stopAll() {
	for _, b := range n.running {
		b.Stop()
	}
	clear(n.running)
}
