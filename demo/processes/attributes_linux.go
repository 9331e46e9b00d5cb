package processes

import (
	"runtime"
	"sync"
	"syscall"
)

// attributes put a child into a process group of its own, and have the kernel
// kill it when this program is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// onLastingThread calls f on a thread that lives as long as this program: to the
// kernel the parent of a child is the thread that started it, and the death of
// that thread would kill the child.
func onLastingThread(f func() error) error {
	result := make(chan error)
	starts() <- func() { result <- f() }
	return <-result
}

var starts = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			call()
		}
	}()
	return calls
})
