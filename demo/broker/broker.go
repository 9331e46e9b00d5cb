// Package broker runs a nats-server with JetStream in this process: the real
// one, over real connections, so that any NATS tool can join.
package broker

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/service"
)

const (
	host = "127.0.0.1"
	// DefaultPort is the default port of NATS tools.
	DefaultPort = 4222
	// readyWithin is generous: a store with millions of messages takes time.
	readyWithin = time.Minute
	lookEvery   = 100 * time.Millisecond
)

// Options are the settings of the broker.
type Options struct {
	Name        string        // of the node; empty: "decoupled"
	Port        int           // 0: DefaultPort, or a free one if that is taken
	Dir         string        // where messages are stored; empty: a temporary folder, removed by Stop
	SyncAlways  bool          // every write reaches the disk before it is confirmed
	Sync        time.Duration // otherwise how often writes are synced
	Credentials string        // folder of passwords, made where they are missing: the broker has the users and limits of deploy/nats; empty: everyone may do everything
	Cluster     *Cluster      // nil: it is alone
}

// Cluster makes the broker one of several nodes that replicate to each other.
type Cluster struct {
	Port  int   // where the other nodes reach this one
	Ports []int // of all nodes
}

// Broker is a running nats-server.
type Broker struct {
	server      *server.Server
	credentials string
	temporary   string   // folder to remove
	locked      *os.File // keeps other brokers out of a folder that is not temporary
	moved       bool
}

// Start starts a broker on the loopback interface and returns when it accepts
// clients.
func Start(o Options, log zerolog.Logger) (*Broker, error) {
	b := &Broker{credentials: o.Credentials}
	dir, err := b.folder(o.Dir)
	if err != nil {
		return nil, err
	}
	port := o.Port
	if port == 0 {
		port = DefaultPort
	}
	err = b.listen(port, dir, o, log)
	if o.Port == 0 && errors.Is(err, syscall.EADDRINUSE) {
		b.moved = true
		err = b.listen(server.RANDOM_PORT, dir, o, log)
	}
	if err != nil {
		b.leaveFolder()
		return nil, fmt.Errorf("cannot start the broker: %w", err)
	}
	return b, nil
}

// listen starts the server on a port.
func (b *Broker) listen(port int, dir string, o Options, log zerolog.Logger) error {
	// The server reports a port that is taken as text, and late.
	probe, err := net.Listen("tcp", address(max(port, 0)))
	if err != nil {
		return err
	}
	probe.Close()
	options, err := o.server(port, dir)
	if err != nil {
		return err
	}
	b.server, err = server.NewServer(options)
	if err != nil {
		return err
	}
	logger := &logger{log: log, cluster: o.Cluster != nil}
	b.server.SetLoggerV2(logger, false, false, false)
	b.server.Start()
	for waited := time.Duration(0); waited < readyWithin; waited += lookEvery {
		ready := b.server.ReadyForConnections(lookEvery)
		if err := logger.failure(); err != nil {
			b.shutdown()
			return err
		}
		if ready {
			return nil
		}
	}
	b.shutdown()
	return fmt.Errorf("it is not ready after %v", readyWithin)
}

// server are the options as the server wants them.
func (o Options) server(port int, dir string) (*server.Options, error) {
	options := &server.Options{}
	if o.Credentials != "" {
		var err error
		if options, err = Configuration(o.Credentials); err != nil {
			return nil, err
		}
	}
	options.ServerName = cmp.Or(o.Name, "decoupled")
	options.Host, options.Port = host, port
	options.JetStream, options.StoreDir = true, dir
	options.SyncAlways, options.SyncInterval = o.SyncAlways, o.Sync
	options.NoSublistCache = true // as in deploy/nats: nearly each subject occurs once
	options.NoSigs = true         // signals are the program's
	if o.Cluster != nil {
		options.Cluster = server.ClusterOpts{Name: "decoupled", Host: host, Port: o.Cluster.Port}
		for _, port := range o.Cluster.Ports {
			options.Routes = append(options.Routes, &url.URL{Scheme: "nats", Host: address(port)})
		}
	}
	return options, nil
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// URL is where clients connect.
func (b *Broker) URL() string { return "nats://" + b.server.Addr().String() }

// As returns how a program logs in at the broker as a user. Without credentials it logs in
// without a user.
func (b *Broker) As(user string) service.Broker {
	at := service.Broker{URL: b.URL()}
	if b.credentials != "" {
		at.User, at.PasswordFile = user, filepath.Join(b.credentials, user, credentials.PasswordFile)
	}
	return at
}

// Moved is true when the default port was taken and another was chosen.
func (b *Broker) Moved() bool { return b.moved }

// Stop shuts the broker down and returns when it has ended.
func (b *Broker) Stop() {
	b.shutdown()
	b.leaveFolder()
}

func (b *Broker) shutdown() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

func (b *Broker) leaveFolder() {
	if b.temporary != "" {
		_ = os.RemoveAll(b.temporary) // what is left is in the system's temporary folder
	}
	if b.locked != nil {
		_ = b.locked.Close() // that it was open is all it was for
	}
}

// errInUse is the error for a folder that another broker uses: two servers on one store
// would destroy it.
var errInUse = errors.New("in use by another demo")

// lockFile is the file in a folder that only one broker has at a time. That it
// can be made also shows that the folder can be written.
const lockFile = ".lock"

// folder returns a folder that is writable and unused.
func (b *Broker) folder(dir string) (string, error) {
	if dir == "" {
		temporary, err := os.MkdirTemp("", "decoupled-")
		if err != nil {
			return "", fmt.Errorf("cannot make a folder for the broker's data: %w", err)
		}
		b.temporary = temporary
		return temporary, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cannot use %s for the broker's data: %w", dir, err)
	}
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("cannot write to %s, the folder for the broker's data: %w", dir, err)
	}
	if err := lock(file); err != nil {
		return "", errors.Join(fmt.Errorf("cannot use %s for the broker's data: %w", dir, err), file.Close())
	}
	b.locked = file
	return filepath.Clean(dir), nil
}
