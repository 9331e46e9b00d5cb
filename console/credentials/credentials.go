// Package credentials makes the secrets of a deployment: a password for each
// user of the broker, one for its nodes, and what the broker needs to check them.
//
// Each password is random and goes only into the file of the program that needs it. It
// is never printed.
package credentials

import (
	"crypto/rand"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"decoupled.example/shared/topology"
)

// Users of the broker besides the services, which are users of their names.
const (
	Operator = "operator" // may do what the console does
	Observer = "observer" // may look, and change nothing
)

// Users are all users of the broker.
var Users = []string{topology.Requestor, topology.Generator, Operator, Observer}

// nodes is the user as which the nodes of a cluster log in at each other.
const nodes = "nodes"

// password returns a secret that cannot be guessed: 130 bits or more, in letters
// and digits, so that it needs no quotes anywhere.
func password() string { return rand.Text() }

// hash returns the bcrypt hash with which the broker checks a password.
//
// The lowest cost is enough: a high one slows down guessing, and random passwords cannot
// be guessed. The broker pays the cost at each login, hundreds of times at once when a
// fleet reconnects.
func hash(password string) (string, error) {
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	return string(h), err
}

func matches(hash, password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
}

// variable is the name of a user's hash in the broker's configuration.
func variable(user string) string { return strings.ToUpper(user) + "_PASSWORD" }

// usersFile is the broker's file with the hash of each user's password.
func usersFile(passwords map[string]string) ([]byte, error) {
	var b strings.Builder
	b.WriteString("# Made by console credentials: for each user the hash of its password.\n")
	for _, user := range Users {
		h, err := hash(passwords[user])
		if err != nil {
			return nil, fmt.Errorf("cannot hash the password of %s: %w", user, err)
		}
		fmt.Fprintf(&b, "%s: %q\n", variable(user), h)
	}
	return []byte(b.String()), nil
}

// hashesIn reads a usersFile back.
func hashesIn(content []byte) map[string]string {
	hashes := make(map[string]string)
	for line := range strings.Lines(string(content)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			hashes[name] = strings.Trim(value, `"`)
		}
	}
	return hashes
}

// nodesFile has what the nodes of a cluster need to find and trust each other. It holds
// the password itself, because each node both checks it and logs in with it.
func nodesFile(password string, hosts []string) []byte {
	var b strings.Builder
	b.WriteString("# Made by console credentials: how the nodes of a cluster log in at each other.\n")
	fmt.Fprintf(&b, "NODES_PASSWORD: %q\n", password)
	b.WriteString("ROUTES: [\n")
	for _, host := range hosts {
		fmt.Fprintf(&b, "  \"nats-route://%s:%s@%s:6222\"\n", nodes, password, host)
	}
	b.WriteString("]\n")
	return []byte(b.String())
}
