//go:build unix && !linux

package processes

import "syscall"

// attributes put a child into a process group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func onLastingThread(f func() error) error { return f() }
