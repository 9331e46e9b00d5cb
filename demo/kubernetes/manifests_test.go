package kubernetes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/demo/files"
)

// The broker has the scenario's user beside its own, whose rights stay as they
// are.
func TestTheStageIsAUserMore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m, err := makeManifests(dir, "somewhere", 1)
	require.NoError(t, err)

	// As the pod mounts them.
	configuration := filepath.Join(dir, "deploy", "nats")
	secrets := filepath.Join(dir, "deploy", "secrets")
	require.NoError(t, os.Mkdir(secrets, 0o755))
	for name, content := range m.secrets {
		if filepath.Dir(name) == credentials.BrokerFolder {
			require.NoError(t, os.WriteFile(filepath.Join(secrets, filepath.Base(name)), []byte(content), 0o600))
		}
	}
	options, err := server.ProcessConfigFile(filepath.Join(configuration, "nats-server.conf"))
	require.NoError(t, err)
	require.Len(t, options.Users, len(credentials.Users)+1)
	for _, user := range options.Users {
		if user.Username == files.Stage {
			require.Nil(t, user.Permissions)
			require.Equal(t, m.secrets.Password(files.Stage), user.Password)
		} else {
			require.NotNil(t, user.Permissions, user.Username)
		}
	}

	manifest, err := m.secrets.Manifest("somewhere")
	require.NoError(t, err)
	require.Equal(t, len(m.secrets)-1, strings.Count(manifest, "namespace: somewhere"), "a Secret a folder; the broker's has two files")
}

func TestManifestsStartFromWhatIsNeeded(t *testing.T) {
	t.Parallel()
	for nodes, from := range map[int]string{1: "../base", 3: "../overlays/ha"} {
		m, err := makeManifests(t.TempDir(), "somewhere", nodes)
		require.NoError(t, err)
		text, err := os.ReadFile(filepath.Join(m.dir, "kustomization.yaml"))
		require.NoError(t, err)
		require.Contains(t, string(text), "resources: ["+from+"]")
		require.DirExists(t, filepath.Join(m.dir, from))
	}
}

func TestPods_ReportWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"metadata":{"name":"a"},"status":{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"ErrImagePull","message":"no such image"}}}]}}`: "a is Pending: ErrImagePull: no such image",
		`{"metadata":{"name":"a"},"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","message":"too small"}]}}`:                   "a is Pending: too small",
		`{"metadata":{"name":"a","deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`:      "a is ending",
		`{"metadata":{"name":"a"},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`:                                                 "a is Running",
	} {
		var p pod
		require.NoError(t, json.Unmarshal([]byte(text), &p))
		require.Equal(t, want, p.String())
		require.Equal(t, want == "a is Running", p.ready())
	}
}
