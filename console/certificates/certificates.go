// Package certificates makes what a broker needs for TLS without an existing
// certificate authority: a certificate for its hosts, and the authority that its
// clients trust. The authority's key is never written. It signs this one certificate,
// so only the broker's own key has to be protected.
//
// A renewed certificate has an authority of its own. Clients read their trusted
// authorities at each connect, and continue to trust the previous one, because a broker
// shows its old certificate until it is restarted.
package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"decoupled.example/console/secretfile"
)

// Names of the files: two for the broker, and one for all its clients.
const (
	ServerCertificate = "broker/server.pem"
	ServerKey         = "broker/server.key"
	Authority         = "authority/ca.pem"
)

const (
	validFor = 365 * 24 * time.Hour
	// early is how long before its end a certificate is renewed.
	early = 30 * 24 * time.Hour
)

// Write makes a certificate for the hosts in a folder, unless the folder has one that is
// valid for all of them and for another month. It returns until when the certificate is
// valid, and whether it is new. The access is to the broker's folder, which has the key;
// the authority is public.
func Write(dir string, hosts []string, access secretfile.Access) (until time.Time, made bool, err error) {
	if len(hosts) == 0 {
		return until, false, errors.New("cannot make a certificate for no host")
	}
	if until, err = valid(dir, hosts); err == nil {
		if err = access.Protect(filepath.Join(dir, ServerKey)); err != nil {
			err = fmt.Errorf("cannot protect the certificate's key: %w", err)
		}
		return until, false, err
	}
	until = time.Now().Add(validFor)
	if err = write(dir, hosts, until, access); err != nil {
		return until, false, fmt.Errorf("cannot make a certificate: %w", err)
	}
	return until, true, nil
}

// valid returns an error if the existing certificate must be replaced.
func valid(dir string, hosts []string) (until time.Time, err error) {
	authority, err := os.ReadFile(filepath.Join(dir, Authority))
	if err != nil {
		return until, err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, ServerCertificate), filepath.Join(dir, ServerKey))
	if err != nil {
		return until, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	for _, host := range hosts {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: time.Now().Add(early)}); err != nil {
			return until, err
		}
	}
	return pair.Leaf.NotAfter, nil
}

func write(dir string, hosts []string, until time.Time, access secretfile.Access) error {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	authority := template("Decoupled authority", until)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	server := template("Decoupled broker", until)
	server.KeyUsage = x509.KeyUsageDigitalSignature
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, host)
		}
	}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, authority, key.Public(), authorityKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		access.Write(filepath.Join(dir, ServerKey), encoded("PRIVATE KEY", keyDER)),
		secretfile.Shared.Write(filepath.Join(dir, Authority), encoded("CERTIFICATE", append([][]byte{authorityDER}, trusted(dir)...)...)),
		access.Write(filepath.Join(dir, ServerCertificate), encoded("CERTIFICATE", serverDER)), // last: without it all is made again
	)
}

// trusted returns the existing authorities that have not expired.
func trusted(dir string) (all [][]byte) {
	content, _ := os.ReadFile(filepath.Join(dir, Authority)) // where there is none, nobody trusts it
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && time.Now().Before(c.NotAfter) {
			all = append(all, block.Bytes)
		}
	}
	return all
}

func template(name string, until time.Time) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, // clocks differ
	}
}

// encoded returns them as PEM.
func encoded(kind string, ders ...[]byte) (content []byte) {
	for _, der := range ders {
		content = append(content, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	return content
}
