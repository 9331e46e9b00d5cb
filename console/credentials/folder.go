package credentials

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"decoupled.example/console/secretfile"
)

// Names of the parts in a folder: one folder a user with its password, and one
// for the broker.
const (
	PasswordFile = "password"       // <user>/password
	BrokerFolder = "broker"         //
	UsersFile    = "users.conf"     // broker/users.conf
	NodesFile    = "nodes.conf"     // broker/nodes.conf
	nodesSecret  = "nodes.password" // broker/nodes.password, from which nodes.conf is made
)

// Write makes the missing files in a folder and returns their names. Existing files stay,
// so Write may be repeated. Only the broker's files are replaced, if they do not match
// the passwords. Hosts are the names of the nodes of a cluster; without hosts, the files
// for nodes stay as they are.
//
// Each program must see its own folder and no other. With private access, existing
// files become private too.
func Write(dir string, hosts []string, access secretfile.Access) (written []string, err error) {
	w := writer{dir: dir, access: access}
	passwords := make(map[string]string)
	for _, user := range Users {
		passwords[user] = w.password(filepath.Join(user, PasswordFile))
	}
	w.users(passwords)
	if len(hosts) > 0 {
		secret := w.password(filepath.Join(BrokerFolder, nodesSecret))
		w.same(filepath.Join(BrokerFolder, NodesFile), nodesFile(secret, hosts))
	}
	if w.err != nil {
		return w.written, fmt.Errorf("cannot write credentials: %w", w.err)
	}
	return w.written, nil
}

// writer writes files until one fails.
type writer struct {
	dir     string
	access  secretfile.Access
	written []string
	err     error
}

// password returns the content of a file, which is a new password if there was
// none.
func (w *writer) password(name string) string {
	if content := bytes.TrimSpace(w.read(name)); len(content) > 0 {
		return string(content)
	}
	secret := password()
	w.write(name, []byte(secret+"\n"))
	return secret
}

// users writes the hashes, unless the existing ones match these passwords.
func (w *writer) users(passwords map[string]string) {
	name := filepath.Join(BrokerFolder, UsersFile)
	hashes := hashesIn(w.read(name))
	fits := !slices.ContainsFunc(Users, func(user string) bool {
		return !matches(hashes[variable(user)], passwords[user])
	})
	if fits || w.err != nil {
		return
	}
	content, err := usersFile(passwords)
	if err != nil {
		w.err = err
		return
	}
	w.write(name, content)
}

// same writes a file unless it already has this content.
func (w *writer) same(name string, content []byte) {
	if !bytes.Equal(w.read(name), content) {
		w.write(name, content)
	}
}

func (w *writer) read(name string) []byte {
	if w.err != nil {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil:
		err = w.access.Protect(filepath.Join(w.dir, name))
	}
	w.err = err
	return content
}

func (w *writer) write(name string, content []byte) {
	if w.err != nil {
		return
	}
	if w.err = w.access.Write(filepath.Join(w.dir, name), content); w.err == nil {
		w.written = append(w.written, name)
	}
}
