package certificates_test

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/certificates"
	"decoupled.example/console/secretfile"
)

var hosts = []string{"nats", "127.0.0.1"}

func TestClientsTrustIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	until, made, err := certificates.Write(dir, hosts, secretfile.Private)
	require.NoError(t, err)
	require.True(t, made)
	require.Greater(t, time.Until(until), 300*24*time.Hour)
	for host, trusted := range map[string]bool{"nats": true, "127.0.0.1": true, "elsewhere": false} {
		err := handshake(t, dir, host)
		require.Equal(t, trusted, err == nil, "%s: %v", host, err)
	}
}

func TestItIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, _, err := certificates.Write(dir, hosts, secretfile.Private)
	require.NoError(t, err)
	again, made, err := certificates.Write(dir, hosts, secretfile.Private)
	require.NoError(t, err)
	require.False(t, made)
	require.WithinDuration(t, first, again, time.Second)

	_, made, err = certificates.Write(dir, append(hosts, "nats-2"), secretfile.Private)
	require.NoError(t, err)
	require.True(t, made, "for a host that it is not valid for")
	require.NoError(t, handshake(t, dir, "nats-2"))

	require.NoError(t, os.Remove(filepath.Join(dir, certificates.Authority)))
	_, made, err = certificates.Write(dir, hosts, secretfile.Private)
	require.NoError(t, err)
	require.True(t, made, "with an authority that is gone")
	require.NoError(t, handshake(t, dir, "nats"))
}

// The broker shows its old certificate until it is restarted, and clients connect
// before that and after.
func TestBothTheOldAndTheNewAreTrusted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, _, err := certificates.Write(dir, hosts, secretfile.Private)
	require.NoError(t, err)
	old := pair(t, dir)
	_, made, err := certificates.Write(dir, append(hosts, "nats-2"), secretfile.Private)
	require.NoError(t, err)
	require.True(t, made)
	require.NotEqual(t, old.Certificate, pair(t, dir).Certificate)
	require.NoError(t, handshakeWith(t, dir, old, "nats"))
	require.NoError(t, handshake(t, dir, "nats"))
}

func TestItIsMadeAgainWhereTheKeyIsAnother(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, other} {
		_, _, err := certificates.Write(d, hosts, secretfile.Private)
		require.NoError(t, err)
	}
	require.NoError(t, os.Rename(filepath.Join(other, certificates.ServerKey), filepath.Join(dir, certificates.ServerKey)))
	_, made, err := certificates.Write(dir, hosts, secretfile.Private)
	require.NoError(t, err)
	require.True(t, made)
	require.NoError(t, handshake(t, dir, "nats"))
}

func TestWrite_NamesTheFolderItCannotWrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, _, err := certificates.Write(file, hosts, secretfile.Private)
	require.ErrorContains(t, err, "cannot make a certificate")
	require.ErrorContains(t, err, file)
	_, _, err = certificates.Write(t.TempDir(), nil, secretfile.Private)
	require.ErrorContains(t, err, "no host")
}

// handshake is that of a client who trusts the authority, and calls the server so.
func handshake(t *testing.T, dir, host string) error {
	t.Helper()
	return handshakeWith(t, dir, pair(t, dir), host)
}

// pair is what the broker shows.
func pair(t *testing.T, dir string) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, certificates.ServerCertificate), filepath.Join(dir, certificates.ServerKey))
	require.NoError(t, err)
	return pair
}

func handshakeWith(t *testing.T, dir string, pair tls.Certificate, host string) error {
	t.Helper()
	authority, err := os.ReadFile(filepath.Join(dir, certificates.Authority))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(authority))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13})
	require.NoError(t, err)
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			_ = conn.(*tls.Conn).Handshake() // the client tells
			conn.Close()
		}
	}()
	dialer := net.Dialer{Timeout: time.Minute}
	conn, err := tls.DialWithDialer(&dialer, "tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS13})
	if err != nil {
		return err
	}
	return conn.Close()
}

// The key is for its maker only, also one that was there before, unless it is
// shared with the users of containers; the authority is for everyone.
func TestTheKeyIsPrivateUnlessItIsShared(t *testing.T) {
	t.Parallel()
	mode := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Mode().Perm()
	}
	dir := filepath.Join(t.TempDir(), "certificates")
	require.NoError(t, os.Mkdir(dir, 0o755))
	_, _, err := certificates.Write(dir, hosts, secretfile.Shared)
	require.NoError(t, err)
	require.EqualValues(t, 0o444, mode(filepath.Join(dir, certificates.ServerKey)))
	require.EqualValues(t, 0o755, mode(filepath.Join(dir, "broker")))
	_, made, err := certificates.Write(dir, hosts, secretfile.Private)
	require.NoError(t, err)
	require.False(t, made)
	require.EqualValues(t, 0o400, mode(filepath.Join(dir, certificates.ServerKey)))
	require.EqualValues(t, 0o700, mode(filepath.Join(dir, "broker")))
	require.EqualValues(t, 0o444, mode(filepath.Join(dir, certificates.Authority)))
	require.EqualValues(t, 0o755, mode(filepath.Join(dir, "authority")))

	require.NoError(t, os.RemoveAll(dir))
	_, _, err = certificates.Write(dir, hosts, secretfile.Private)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, mode(filepath.Join(dir, certificates.ServerKey)))
	require.EqualValues(t, 0o700, mode(filepath.Join(dir, "broker")))
}
