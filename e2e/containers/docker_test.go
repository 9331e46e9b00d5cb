package containers_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"

	"decoupled.example/shared/topology"
)

const (
	root = "../.." // of the project
	// tag keeps what is tested apart from what someone shows.
	tag = ":test"
	// commit is what the images that are tested say that they were made from.
	commit = "c0ffee"
	// brokerImage is what docker-compose.yml names, too.
	brokerImage = "nats:2.15.3-alpine"
	// patience bounds every wait. No test waits for it unless it fails.
	patience = 90 * time.Second
	tick     = 50 * time.Millisecond
	// ackWait is short, so that what was in a dead container's hands comes back
	// soon.
	ackWait = 2 * time.Second
)

var all = flag.Bool("containers.all", false, "also run the tests that take a minute or so each")

func TestMain(m *testing.M) {
	// Every container that comes and goes would bury what a test that fails has to say.
	log.SetDefault(log.NewNoopLogger())
	// Compose takes the images that are made for the tests.
	if err := os.Setenv("VERSION", tag[1:]); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// long skips a test that takes so long that not everyone should wait for it.
func long(t *testing.T) {
	t.Helper()
	if !*all {
		t.Skip("it takes a minute or so: -containers.all")
	}
}

// docker skips the test where there is no Docker to build and run the images
// with, unless CI must have it, and returns a client.
func docker(t *testing.T) *testcontainers.DockerClient {
	t.Helper()
	engine, err := testcontainers.NewDockerClientWithOpts(t.Context())
	if err == nil {
		_, err = engine.Ping(t.Context(), client.PingOptions{})
	}
	if err == nil {
		err = run("build", "--help") // fails where BuildKit is missing
	}
	if err != nil {
		require.Empty(t, os.Getenv("CI"), "CI must have Docker: %v", err)
		t.Skipf("there is no Docker here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	require.NoError(t, images())
	return engine
}

// command is the docker command; DOCKER names another one than that of the path.
var command = cmp.Or(os.Getenv("DOCKER"), "docker")

// images builds the images of what is being tested, once.
var images = sync.OnceValue(func() error {
	for _, target := range []string{topology.Requestor, topology.Generator, "console"} {
		if err := run("build", "--quiet", "--target", target, "--build-arg", "VERSION="+tag[1:], "--build-arg", "COMMIT="+commit, "--tag", "decoupled/"+target+tag, "."); err != nil {
			return err
		}
	}
	return nil
})

// run runs a docker command in the project's folder.
func run(args ...string) error {
	cmd := exec.Command(command, args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "DOCKER_BUILDKIT=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", command, strings.Join(args, " "), err, out)
	}
	return nil
}

// within is a context for cleaning up, when that of the test has ended.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	return ctx
}
