package service

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// Broker are the flags that say where NATS is and how to log in.
type Broker struct {
	URL          string `name:"nats-url" env:"NATS_URL" default:"nats://127.0.0.1:4222" placeholder:"URL,..." help:"Where NATS is: nats:// or tls://, several separated by commas (default: ${default})."`
	User         string `name:"nats-user" env:"NATS_USER" placeholder:"NAME" help:"User to log in as."`
	Password     string `name:"nats-password" env:"NATS_PASSWORD" placeholder:"SECRET" xor:"password" secret:"" help:"Password of the user. A file is safer."`
	PasswordFile string `name:"nats-password-file" env:"NATS_PASSWORD_FILE" placeholder:"FILE" xor:"password" help:"File with the password of the user. It is read at each connect, so a new secret needs no restart."`
	CA           string `name:"nats-ca" env:"NATS_CA" placeholder:"FILE" help:"Require TLS, and trust the certificate authorities in this PEM file instead of the system's."`
}

// Validate names the flag that is wrong. It is called by kong.
func (b *Broker) Validate() error {
	if _, err := b.servers(); err != nil {
		return err
	}
	if b.User == "" && (b.Password != "" || b.PasswordFile != "") {
		return errors.New("--nats-user is missing: a password needs its user")
	}
	return nil
}

// servers returns the URLs one by one, all with a scheme.
func (b *Broker) servers() ([]string, error) {
	var servers []string
	for entry := range strings.SplitSeq(b.URL, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		// Secrets in URLs end up in logs and process lists. The entry is not
		// part of the error for the same reason, nor is that of url.Parse.
		if strings.Contains(entry, "@") {
			return nil, errors.New("--nats-url must not contain credentials: give them as --nats-user and --nats-password-file")
		}
		if !strings.Contains(entry, "://") {
			entry = "nats://" + entry
		}
		u, err := url.Parse(entry)
		if err != nil || u.Hostname() == "" || (u.Scheme != "nats" && u.Scheme != "tls") {
			return nil, fmt.Errorf("--nats-url must be URLs like nats://localhost:4222 but got %q", entry)
		}
		if _, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && err != nil {
			return nil, fmt.Errorf("--nats-url must have ports up to 65535 but got %q", entry)
		}
		servers = append(servers, entry)
	}
	if len(servers) == 0 {
		return nil, errors.New("--nats-url must name at least one server")
	}
	return servers, nil
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
