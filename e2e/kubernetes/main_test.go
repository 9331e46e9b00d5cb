package kubernetes_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// consent names the environment variable that names the cluster.
const consent = "DECOUPLED_E2E_CONTEXT"

// The cluster that was named is the only one that the tests and all that they run
// know of, whatever kubectl's current context is or becomes.
func TestMain(m *testing.M) {
	dir, err := pin(os.Getenv(consent))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // a temporary folder
	os.Exit(code)
}

// pin makes a configuration of kubectl with that one context, in a folder of its
// own. No name pins nothing.
func pin(name string) (dir string, err error) {
	if name == "" {
		return "", nil
	}
	config, err := exec.Command("kubectl", "config", "view", "--minify", "--flatten", "--context", name).Output()
	if err != nil {
		return "", fmt.Errorf("%s names the cluster %q, which kubectl does not know: %w", consent, name, err)
	}
	if dir, err = os.MkdirTemp("", "decoupled-"); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return dir, err
	}
	return dir, os.Setenv("KUBECONFIG", file)
}
