// Package secretfile writes files that hold secrets, atomically and with as few
// permissions as possible.
package secretfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Access defines which users may read a file and enter its folder.
type Access struct{ file, folder fs.FileMode }

var (
	// Private limits a file to the user that creates it.
	Private = Access{file: 0o600, folder: 0o700}
	// Shared lets every user that can reach the folder read the file, for volumes of
	// containers that run as other users. In a container without capabilities not
	// even root can read another user's private files.
	Shared = Access{file: 0o444, folder: 0o755}
)

// Write makes a file and its folder, or replaces the file as a whole: a program
// that reads it meanwhile gets the old or the new content.
func (a Access) Write(path string, content []byte) error {
	folder, name := filepath.Split(path)
	if err := os.MkdirAll(folder, a.folder); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, "."+strings.TrimPrefix(name, ".")+"-*") // nobody else can read it
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(a.file), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // what is left is not a secret's name
		return err
	}
	return a.Protect(path)
}

// Protect removes the permissions of others that exceed the access from an existing
// file and its folder. It adds none.
func (a Access) Protect(path string) error {
	return errors.Join(restrict(path, a.file), restrict(filepath.Dir(path), a.folder))
}

func restrict(path string, most fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077&^most != 0 {
		if err := os.Chmod(path, mode&(most|0o700)); err != nil {
			return fmt.Errorf("%s can be read by other users, and that cannot be changed: %w", path, err)
		}
	}
	return nil
}
