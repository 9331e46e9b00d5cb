// Package secretfile writes files that hold secrets: as a whole, and readable by
// as few as can be.
package secretfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Access is who may read a file, and enter its folder.
type Access struct{ file, folder fs.FileMode }

var (
	// Private is for the user who makes the file.
	Private = Access{file: 0o600, folder: 0o700}
	// Shared is for every user who can reach the folder: for a volume that is
	// mounted by containers which run as other users. In a container without any
	// capability not even root reads another user's private files.
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

// Protect takes away what others may do with a file that exists, and with its
// folder. It gives nobody anything.
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
			return fmt.Errorf("%s can be read by others, and stays so: %w", path, err)
		}
	}
	return nil
}
