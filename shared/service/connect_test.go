package service_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/service"
)

// connect connects as a program does.
func connect(t *testing.T, broker service.Broker) (*nats.Conn, *lines) {
	t.Helper()
	log := &lines{}
	nc, err := service.Connect(t.Context(), service.NewLog(log, service.Logging{Level: "info"}, "tester"), broker, "tester")
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the connection:\n%s", log)
		}
	})
	return nc, log
}

func awaitConnected(t *testing.T, nc *nats.Conn) {
	t.Helper()
	require.Eventually(t, nc.IsConnected, patience, tick, "not connected")
}

func TestConnectWaitsForTheBroker(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	url := b.URL()
	b.Stop()

	nc, log := connect(t, service.Broker{URL: url})
	log.await(t, "still cannot reach NATS at "+url, "connection refused")
	sub, err := nc.SubscribeSync("early")
	require.NoError(t, err)

	b.Restart()
	log.await(t, "connected to NATS at "+url)
	require.NoError(t, nc.Publish("early", []byte("x")))
	_, err = sub.NextMsg(patience)
	require.NoError(t, err, "what was subscribed to before the connection must work")
}

func TestConnectionComesBackAfterARestart(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	nc, log := connect(t, service.Broker{URL: b.URL()})
	log.await(t, "connected to NATS")

	b.Stop()
	log.await(t, "lost the connection to NATS")
	log.await(t, "still cannot reach NATS")
	b.Restart()

	awaitConnected(t, nc)
	require.Eventually(t, func() bool { return len(log.with("connected to NATS")) == 2 }, patience, tick)
}

// A host that is cut off, or a broker that is paused, closes nothing.
func TestABrokerThatHangsIsFound(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	p := startProxy(t, b)
	nc, log := connect(t, service.Broker{URL: p.url()})
	awaitConnected(t, nc)

	p.hang()
	log.await(t, "lost the connection to NATS", "stale connection")
	p.goOn()
	awaitConnected(t, nc)
}

func TestConnectTriesEveryServer(t *testing.T) {
	t.Parallel()
	gone := brokertest.Start(t, core)
	url := gone.URL()
	gone.Stop()
	b := brokertest.Start(t, core)
	nc, _ := connect(t, service.Broker{URL: url + ", " + strings.TrimPrefix(b.URL(), "nats://")})
	awaitConnected(t, nc)
	require.Equal(t, b.URL(), nc.ConnectedUrl())
}

// What shows only in outages that are too long for a test: that attempts are not
// counted, and that no lookup of a name is out of the dialer's hands.
func TestOptionsForLongOutages(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	nc, _ := connect(t, service.Broker{URL: b.URL()})
	require.Negative(t, nc.Opts.MaxReconnect)
	require.True(t, nc.Opts.SkipHostLookup)
}

func TestInboxesAreTheProgramsOwn(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	nc, _ := connect(t, service.Broker{URL: b.URL()})
	require.True(t, strings.HasPrefix(nc.NewInbox(), "_INBOX_tester."))
	require.Equal(t, "tester", nc.Opts.Name)
}

// NATS takes any name for a user; a subject does not, and a dot would put one
// user's inboxes below another's.
func TestInboxesOfAnyUserAreItsOwnToken(t *testing.T) {
	t.Parallel()
	names := map[string]string{
		"tester":           "_INBOX_tester",
		"zoë":              "_INBOX_zoë",
		"jane@example.com": "_INBOX_jane@example%2Ecom",
		"Jane Doe":         "_INBOX_Jane%20Doe",
		"ops.":             "_INBOX_ops%2E",
		"a..b":             "_INBOX_a%2E%2Eb",
		"a*b":              "_INBOX_a%2Ab",
		"all>":             "_INBOX_all%3E",
		"100%":             "_INBOX_100%25",
		"two\r\nlines\x00": "_INBOX_two%0D%0Alines%00",
	}
	b := brokertest.Start(t, core)
	for name, prefix := range names {
		nc, err := service.Connect(t.Context(), service.NewLog(&lines{}, service.Logging{}, "tester"), service.Broker{URL: b.URL()}, name)
		require.NoError(t, err)
		defer nc.Close()
		require.True(t, strings.HasPrefix(nc.NewInbox(), prefix+"."), nc.NewInbox())
		_, err = b.Connect().Subscribe("question."+prefix, func(m *nats.Msg) { _ = m.Respond(nil) })
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			_, err := nc.Request("question."+prefix, nil, patience)
			return err == nil
		}, patience, tick, name)
	}
}

func TestWrongPasswordIsNamedAndCorrectedInItsFile(t *testing.T) {
	t.Parallel()
	b, _ := users(t, &server.User{Username: "worker", Password: "s3cret-right"})
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("s3cret-wrong\n"), 0o600))

	nc, log := connect(t, service.Broker{URL: b.URL(), User: "worker", PasswordFile: file})
	log.await(t, `refuses the login of user \"worker\"`, "Authorization Violation")
	require.NoError(t, os.WriteFile(file, []byte("s3cret-right\n"), 0o600))

	awaitConnected(t, nc)
	require.NotContains(t, log.String(), "s3cret")
}

func TestMissingPasswordFileIsNamedAndReadWhenItComes(t *testing.T) {
	t.Parallel()
	b, _ := users(t, &server.User{Username: "worker", Password: "s3cret"})
	file := filepath.Join(t.TempDir(), "password")

	nc, log := connect(t, service.Broker{URL: b.URL(), User: "worker", PasswordFile: file})
	log.await(t, "cannot read the password", file)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	log.await(t, "cannot read the password", "is empty")
	require.NoError(t, os.WriteFile(file, []byte("s3cret"), 0o600))

	awaitConnected(t, nc)
	require.NotContains(t, log.String(), "s3cret")
}

func TestRotatedPasswordNeedsNoRestart(t *testing.T) {
	t.Parallel()
	b, reload := users(t, &server.User{Username: "worker", Password: "s3cret-old"})
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("s3cret-old"), 0o600))
	nc, log := connect(t, service.Broker{URL: b.URL(), User: "worker", PasswordFile: file})
	awaitConnected(t, nc)

	// The broker is first, so that many logins with the old secret fail. By
	// default two of them would close the connection for ever.
	reload(&server.User{Username: "worker", Password: "s3cret-new"})
	log.await(t, "lost the connection to NATS")
	log.await(t, `refuses the login of user \"worker\"`)
	require.NoError(t, os.WriteFile(file, []byte("s3cret-new"), 0o600))

	awaitConnected(t, nc)
	require.NotContains(t, log.String(), "s3cret")
}

func TestLoginWithoutCredentialsIsNamed(t *testing.T) {
	t.Parallel()
	b, _ := users(t, &server.User{Username: "worker", Password: "s3cret"})
	_, log := connect(t, service.Broker{URL: b.URL()})
	log.await(t, "refuses the login of a client without credentials")
}

func TestConnectStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	b := brokertest.Start(t, core)
	nc, err := service.Connect(ctx, service.NewLog(&lines{}, service.Logging{}, "tester"), service.Broker{URL: b.URL()}, "tester")
	require.NoError(t, err)
	stop()
	require.Eventually(t, nc.IsClosed, patience, tick)
}

func TestConnectDoesNotWaitForADialWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	broker := service.Broker{URL: blackHole(t)}
	returned := make(chan *nats.Conn, 1)
	go func() {
		nc, err := service.Connect(ctx, service.NewLog(&lines{}, service.Logging{}, "tester"), broker, "tester")
		if err == nil {
			returned <- nc
		}
	}()
	stop()
	select {
	case nc := <-returned:
		require.Eventually(t, nc.IsClosed, patience, tick)
	case <-time.After(patience):
		require.FailNow(t, "Connect still dials")
	}
}

// blackHole is the URL of servers that neither take nor refuse a connection: a
// listener whose backlog is full. It lists so many of them that all dials
// together would take longer than any test waits.
func blackHole(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Close(fd)) })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	name, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	address := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	for {
		dialer := net.Dialer{Timeout: 200 * time.Millisecond}
		conn, err := dialer.DialContext(t.Context(), "tcp", address)
		if err != nil {
			return strings.Repeat("nats://"+address+",", 100)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}

func TestWhatCanNeverWorkIsAnError(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for name, test := range map[string]struct {
		broker service.Broker
		says   string
	}{
		"invalid URL":   {service.Broker{URL: "nats://:x"}, "--nats-url"},
		"missing CA":    {service.Broker{URL: "nats://localhost", CA: "/nowhere/ca.pem"}, "/nowhere/ca.pem"},
		"CA is no file": {service.Broker{URL: "nats://localhost", CA: t.TempDir()}, "CA"},
		"empty CA":      {service.Broker{URL: "nats://localhost", CA: empty}, "empty.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := service.Connect(t.Context(), service.NewLog(&lines{}, service.Logging{}, "tester"), test.broker, "tester")
			require.ErrorContains(t, err, "cannot connect to NATS")
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestTLSWithACertificateAuthorityOfOnesOwn(t *testing.T) {
	t.Parallel()
	certificate, ca := selfSigned(t)
	_, stranger := selfSigned(t)
	b := brokertest.Start(t, core, func(o *server.Options) {
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		o.TLSTimeout = patience.Seconds()
	})

	nc, _ := connect(t, service.Broker{URL: b.URL(), CA: ca})
	awaitConnected(t, nc)
	_, err := nc.TLSConnectionState()
	require.NoError(t, err)

	_, log := connect(t, service.Broker{URL: b.URL(), CA: stranger})
	log.await(t, "still cannot reach NATS", "certificate")
}

// selfSigned returns a certificate for 127.0.0.1, and the file of its authority.
func selfSigned(t *testing.T) (certificate tls.Certificate, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "broker"},
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, ca
}
