package main

import (
	"fmt"
	"slices"
	"strings"

	"decoupled.example/shared/topology"
)

// queueName is a queue on the command line, in capitals or not.
type queueName string

// UnmarshalText is called by kong.
func (q *queueName) UnmarshalText(text []byte) error {
	name := strings.ToUpper(string(text))
	if !slices.Contains(topology.QueueNames, name) {
		return fmt.Errorf("no such queue: %.40q; there are %s", text, strings.Join(topology.QueueNames, ", "))
	}
	*q = queueName(name)
	return nil
}
