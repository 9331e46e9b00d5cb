package service

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode"
)

// Broker are the flags that say where NATS is and how to log in.
type Broker struct {
	URL          string `name:"nats-url" env:"NATS_URL" default:"nats://127.0.0.1:4222" placeholder:"URL,..." help:"Where NATS is: nats:// or tls://, several separated by commas (default: ${default})."`
	User         string `name:"nats-user" env:"NATS_USER" placeholder:"NAME" help:"User to log in as."`
	Password     string `name:"nats-password" env:"NATS_PASSWORD" placeholder:"SECRET" xor:"password" secret:"" help:"Password of the user. A file is safer."`
	PasswordFile string `name:"nats-password-file" env:"NATS_PASSWORD_FILE" placeholder:"FILE" xor:"password" help:"File with the password of the user. It is read at each connect, so a new secret needs no restart."`
	CA           string `name:"nats-ca" env:"NATS_CA" placeholder:"FILE" help:"Require TLS, and trust the certificate authorities in this PEM file instead of the system's."`
}

// Validate names the flag that is wrong, and never its value, which may hold a
// password. It is called by kong.
func (b *Broker) Validate() error {
	if _, err := b.servers(); err != nil {
		return err
	}
	if b.User == "" && (b.Password != "" || b.PasswordFile != "") {
		return errors.New("--nats-user is missing: a password needs its user")
	}
	return b.validateCA()
}

// validateCA reads the file, which nats.go reads again at each connect. A missing
// file would look like an outage then.
func (b *Broker) validateCA() error {
	if b.CA == "" {
		return nil
	}
	content, err := os.ReadFile(b.CA)
	if err != nil {
		return fmt.Errorf("--nats-ca cannot be read: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return fmt.Errorf("--nats-ca must be a PEM file with certificates: there is none in %s", b.CA)
	}
	return nil
}

// servers returns the URLs one by one, all with a scheme.
func (b *Broker) servers() ([]string, error) {
	// A password may contain a comma, so that no single entry shows what it
	// belongs to. Passwords in URLs end up in logs and process lists.
	if strings.Contains(b.URL, "@") {
		return nil, errors.New("--nats-url must not contain credentials: give them as --nats-user and --nats-password-file")
	}
	var servers []string
	for i, entry := range strings.Split(b.URL, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		if !strings.Contains(entry, "://") {
			entry = "nats://" + entry
		}
		if err := validateServer(entry); err != nil {
			return nil, fmt.Errorf("--nats-url must be URLs like nats://localhost:4222, but number %d %w", i+1, err)
		}
		servers = append(servers, strings.TrimSuffix(entry, "/"))
	}
	if len(servers) == 0 {
		return nil, errors.New("--nats-url must name at least one server")
	}
	return servers, nil
}

// validateServer returns what is wrong with a server's URL, without quoting it: a
// malformed URL may hold a password in any place.
func validateServer(server string) error {
	scheme, rest, _ := strings.Cut(server, "://")
	if scheme != "nats" && scheme != "tls" {
		return errors.New("has another scheme than nats:// or tls://")
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 && rest[end:] != "/" {
		return errors.New("has something behind host and port")
	}
	if strings.Count(rest, ":") > 1 && !strings.Contains(rest, "[") {
		return errors.New("is an IPv6 address without brackets, which must be like nats://[::1]:4222")
	}
	u, err := url.Parse(server)
	if err != nil || u.User != nil {
		return errors.New("has a malformed host or port") // the error quotes the URL
	}
	if !isHost(u.Hostname()) {
		return errors.New("has no valid host")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if strings.HasSuffix(u.Host, ":") || u.Port() != "" && (err != nil || port == 0) {
		return errors.New("has a port that is not from 1 to 65535")
	}
	return nil
}

// isHost is true for an IP address and for what can be a name.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && !strings.ContainsFunc(host, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	})
}

// inbox returns the inbox prefix of a program or user: a single token, so that the
// permissions of a broker user can be limited to it. Characters that a token cannot
// hold are escaped as in a URL: %20 for a space.
func inbox(name string) string {
	var token strings.Builder
	for _, c := range []byte(name) {
		if c <= ' ' || c == 0x7f || strings.IndexByte(".*>%", c) >= 0 {
			fmt.Fprintf(&token, "%%%02X", c)
			continue
		}
		token.WriteByte(c)
	}
	return "_INBOX_" + token.String()
}

// password is what to log in with now.
func (b *Broker) password() (string, error) {
	if b.PasswordFile == "" {
		return b.Password, nil
	}
	content, err := os.ReadFile(b.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("cannot read the password of user %q: %w", b.User, err)
	}
	// Editors and echo end a file with a line break; a password has none.
	password := strings.TrimRight(string(content), "\r\n")
	if password == "" {
		return "", fmt.Errorf("cannot read the password of user %q: %s is empty", b.User, b.PasswordFile)
	}
	return password, nil
}
