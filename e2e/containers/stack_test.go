package containers_test

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"

	"decoupled.example/console/credentials"
	"decoupled.example/console/drain"
	"decoupled.example/console/secretfile"
	"decoupled.example/console/setup"
	"decoupled.example/console/verify"
	"decoupled.example/shared/ports"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// stack is a network with a broker, set up, to which a test adds services.
type stack struct {
	t       *testing.T
	docker  *testcontainers.DockerClient
	network *testcontainers.DockerNetwork
	secrets string // as console credentials leaves it
	hosts   []string
	nodes   map[string]*unit

	conn     *nats.Conn // the operator's
	js       jetstream.JetStream
	topology *topology.Topology
}

// start starts a broker of that many nodes. Before that there is a moment to
// prepare something.
func start(t *testing.T, nodes int, prepare ...func(s *stack)) *stack {
	t.Helper()
	s := &stack{t: t, docker: docker(t), nodes: make(map[string]*unit), secrets: t.TempDir()}
	for i := range nodes {
		s.hosts = append(s.hosts, fmt.Sprintf("nats-%d", i+1))
	}
	_, err := credentials.Write(s.secrets, s.hosts, secretfile.Shared)
	require.NoError(t, err)
	s.network, err = tcnetwork.New(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.network.Remove(within(t))) })

	for _, p := range prepare {
		p(s)
	}
	var urls []string
	for _, host := range s.hosts {
		port := freePort(t)
		s.nodes[host] = s.node(host, port)
		urls = append(urls, "nats://127.0.0.1:"+strconv.Itoa(port))
	}
	s.operate(strings.Join(urls, ","))
	_, err = setup.Apply(s.within(), s.js, topology.Settings{Replicas: nodes, SyncAlways: true, AckWait: ackWait})
	require.NoError(t, err)
	return s
}

// node starts a node of the broker. Its port stays the same when it is started
// again, as clients must find it.
func (s *stack) node(host string, port int) *unit {
	s.t.Helper()
	config := "nats-server.conf"
	if len(s.hosts) > 1 {
		config = "cluster.conf"
	}
	source, err := filepath.Abs(filepath.Join(root, "deploy/nats"))
	require.NoError(s.t, err)
	volume := s.volume(host)
	u := s.run(host, brokerImage, map[string]string{"SERVER_NAME": host},
		[]string{source + ":/etc/nats/server:ro", filepath.Join(s.secrets, credentials.BrokerFolder) + ":/etc/nats/secrets:ro", volume + ":/data"},
		port, []testcontainers.TerminateOption{testcontainers.RemoveVolumes(volume)},
		testcontainers.WithCmd("-c", "/etc/nats/server/"+config),
		testcontainers.WithExposedPorts("4222/tcp"),
		testcontainers.WithWaitStrategy(wait.ForLog("Server is ready").WithStartupTimeout(patience)))
	return u
}

// volume is where a node stores.
func (s *stack) volume(host string) string { return s.network.Name + "-" + host }

// service starts a replica of a service.
func (s *stack) service(name string, environment ...string) *unit {
	s.t.Helper()
	var urls []string
	for _, host := range s.hosts {
		urls = append(urls, "nats://"+host+":4222")
	}
	env := map[string]string{
		"NATS_URL": strings.Join(urls, ","), "NATS_USER": name, "NATS_PASSWORD_FILE": "/run/secrets/decoupled/password", "GRACE": "5s",
	}
	for _, e := range environment {
		key, value, _ := strings.Cut(e, "=")
		env[key] = value
	}
	return s.run(name, "decoupled/"+name+tag, env, []string{filepath.Join(s.secrets, name) + ":/run/secrets/decoupled:ro"}, 0, nil,
		testcontainers.WithWaitStrategy(wait.ForLog("connected to NATS").WithStartupTimeout(patience)))
}

// run starts a container as compose does: it can write nowhere but to its
// volumes, and has no capability. A port is the one at which the loopback
// interface has the broker's.
func (s *stack) run(alias, image string, env map[string]string, binds []string, port int, end []testcontainers.TerminateOption, more ...testcontainers.ContainerCustomizer) *unit {
	s.t.Helper()
	options := append([]testcontainers.ContainerCustomizer{
		testcontainers.WithEnv(env),
		tcnetwork.WithNetwork([]string{alias}, s.network),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) {
			c.Binds, c.ReadonlyRootfs, c.CapDrop = binds, true, []string{"ALL"}
			c.SecurityOpt = []string{"no-new-privileges:true"}
			if port != 0 {
				c.PortBindings = network.PortMap{network.MustParsePort("4222/tcp"): {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: strconv.Itoa(port)}}}
			}
		}),
	}, more...)
	c, err := testcontainers.Run(s.t.Context(), image, options...)
	s.t.Cleanup(func() {
		if c != nil && s.t.Failed() {
			s.t.Logf("%s said:\n%s", alias, logs(within(s.t), c))
		}
		require.NoError(s.t, testcontainers.TerminateContainer(c, append(end, testcontainers.StopTimeout(0))...))
	})
	require.NoError(s.t, err)
	return &unit{DockerContainer: c, stack: s, alias: alias}
}

// operate connects as the operator, from outside.
func (s *stack) operate(url string) {
	s.t.Helper()
	log := zerolog.New(zerolog.NewTestWriter(s.t)).Level(zerolog.WarnLevel)
	at := service.Broker{URL: url, User: credentials.Operator, PasswordFile: filepath.Join(s.secrets, credentials.Operator, credentials.PasswordFile)}
	var err error
	s.conn, err = service.Connect(context.WithoutCancel(s.t.Context()), log, at, credentials.Operator)
	require.NoError(s.t, err)
	s.t.Cleanup(s.conn.Close)
	s.js, err = jetstream.New(s.conn)
	require.NoError(s.t, err)
	s.topology, err = topology.Open(s.conn, service.Slog(log), topology.Options{})
	require.NoError(s.t, err)
}

// proven waits until everything is finished, and requires that all n requests
// are complete and nothing is lost, done twice or left.
func (s *stack) proven(n int) {
	s.t.Helper()
	require.NoError(s.t, drain.Wait(s.within(), s.js, nil))
	verdict, err := verify.Run(s.within(), s.js, s.topology, nil)
	if len(s.nodes) > 1 {
		// A node that was cut off may for some seconds take itself for the leader of a
		// ledger still, and does not know what is newest.
		require.Eventually(s.t, func() bool {
			verdict, err = verify.Run(s.within(), s.js, s.topology, nil)
			return err == nil && verdict.Complete+verdict.Recovered >= uint64(n)
		}, patience, tick, "not all are complete")
	}
	require.NoError(s.t, err)
	require.True(s.t, verdict.Finished(), "%+v", verdict)
	require.EqualValues(s.t, n, verdict.Complete+verdict.Recovered, "%+v", verdict)
	require.Zero(s.t, verdict.DeadLetters, "%+v", verdict)
}

func (s *stack) within() context.Context {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	s.t.Cleanup(cancel)
	return ctx
}

// freePort returns a port that no client is given while its container is stopped.
func freePort(t *testing.T) int {
	t.Helper()
	free, err := ports.Free("127.0.0.1", 1)
	require.NoError(t, err)
	return free[0]
}
