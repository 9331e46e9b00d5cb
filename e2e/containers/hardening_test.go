package containers_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// overlays are what docs/compose.md starts.
var overlays = map[string][]string{
	"base":    {"-f", "docker-compose.yml"},
	"cluster": {"-f", "docker-compose.yml", "-f", "deploy/compose/cluster.yaml"},
	"tls":     {"-f", "docker-compose.yml", "-f", "deploy/compose/tls.yaml"},
}

// mounts are the volumes that each program sees, with ":ro" where it may only
// read: its own secret and no other's.
var mounts = map[string][]string{
	"nats":         {"broker-secrets:ro", "data", "nats:ro"},
	"nats-2":       {"broker-secrets:ro", "data-2", "nats:ro"},
	"nats-3":       {"broker-secrets:ro", "data-3", "nats:ro"},
	"credentials":  {"broker-secrets", "generator-secret", "observer-secret", "operator-secret", "requestor-secret"},
	"certificates": {"authority", "certificate"},
	"setup":        {"operator-secret:ro"},
	"console":      {"operator-secret:ro"},
	"dashboard":    {"operator-secret:ro"},
	"requestor":    {"requestor-secret:ro"},
	"generator":    {"generator-secret:ro"},
}

// composed is what is looked at of a service as compose understands it.
type composed struct {
	ReadOnly    bool     `json:"read_only"`
	CapAdd      []string `json:"cap_add"`
	CapDrop     []string `json:"cap_drop"`
	SecurityOpt []string `json:"security_opt"`
	Privileged  bool     `json:"privileged"`
	MemLimit    string   `json:"mem_limit"`
	User        string   `json:"user"`
	NetworkMode string   `json:"network_mode"`
	Networks    map[string]any
	Ports       []struct {
		HostIP string `json:"host_ip"`
		Target int
	}
	Volumes []struct {
		Source   string
		ReadOnly bool `json:"read_only"`
	}
	Tmpfs []string
}

// No container, in any of the ways to start them, can do or see more than it needs.
func TestContainersAreHardened(t *testing.T) {
	t.Parallel()
	composes(t)
	for name, files := range overlays {
		p := project{t: t, name: "decoupled-test-hardening"}
		var config struct {
			Services map[string]composed
			Networks map[string]struct{ Internal bool }
		}
		out := p.compose(append(slices.Clone(files), "--profile", "*", "config", "--format", "json")...)
		require.NoError(t, json.Unmarshal([]byte(out), &config))
		for service, c := range config.Services {
			what := name + ": " + service
			require.True(t, c.ReadOnly, what)
			require.Equal(t, []string{"ALL"}, c.CapDrop, what)
			require.Empty(t, c.CapAdd, what)
			require.Equal(t, []string{"no-new-privileges:true"}, c.SecurityOpt, what)
			require.False(t, c.Privileged, what)
			require.NotEmpty(t, c.MemLimit, what)
			require.Empty(t, c.Tmpfs, what)
			for _, port := range c.Ports {
				require.Equal(t, "127.0.0.1", port.HostIP, what)
				require.Contains(t, map[string]int{"nats": 4222, "dashboard": 8080}, service, what)
			}
			require.Equal(t, expected(name, service), seen(c), what)
			if c.User != "" { // root, to own its volumes, reaches nobody
				require.Equal(t, "none", c.NetworkMode, what)
			}
		}
		shared := func(a, b string) bool {
			for network := range config.Services[a].Networks {
				if _, ok := config.Services[b].Networks[network]; ok {
					return true
				}
			}
			return false
		}
		require.False(t, shared("requestor", "generator"), "%s: they meet in the queues only", name)
		for _, other := range []string{"dashboard", "setup", "console"} {
			require.False(t, shared("requestor", other), name)
			require.False(t, shared("generator", other), name)
		}
		for service := range mounts {
			if service != "certificates" && !strings.HasPrefix(service, "nats-") {
				require.Contains(t, config.Services, service, name)
			}
		}
	}
}

// expected are the mounts of a service in an overlay: with TLS all see who they
// trust, and the broker its certificate.
func expected(overlay, service string) []string {
	all := slices.Clone(mounts[service])
	if overlay == "tls" {
		switch service {
		case "credentials", "certificates":
		case "nats":
			all = append(all, "certificate:ro")
		default:
			all = append(all, "authority:ro")
		}
	}
	slices.Sort(all)
	return all
}

// seen are the mounts that it has.
func seen(c composed) (all []string) {
	for _, v := range c.Volumes {
		name := v.Source[strings.LastIndex(v.Source, "/")+1:] // of a folder its name
		if v.ReadOnly {
			name += ":ro"
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
