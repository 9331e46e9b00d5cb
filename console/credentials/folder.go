package credentials

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// Write makes what is missing in a folder and returns the names of the files it
// wrote, none when all was there. What exists stays, so it may be repeated; only
// the broker's files follow: they are made again when they do not fit the
// passwords. Hosts are the names of the nodes of a cluster; without any, what is
// for nodes stays as it is.
//
// The files can be read by everyone who can reach them: to give a program its own
// folder and no other is left to whatever mounts them. In a container without
// any capability not even root reads another user's files.
func Write(dir string, hosts []string) (written []string, err error) {
	w := writer{dir: dir}
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

// users writes the hashes, unless those that are there are of these passwords.
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

// same writes a file unless it has this content.
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
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.err = err
	}
	return content
}

// write makes a file, or replaces it as a whole: who reads it meanwhile gets the
// old or the new one.
func (w *writer) write(name string, content []byte) {
	if w.err != nil {
		return
	}
	path := filepath.Join(w.dir, name)
	if w.err = os.MkdirAll(filepath.Dir(path), 0o755); w.err != nil {
		return
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+strings.TrimPrefix(filepath.Base(path), ".")+"-*")
	if err != nil {
		w.err = err
		return
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(0o444), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // what is left is not a credential's name
		w.err = err
		return
	}
	w.written = append(w.written, name)
}
