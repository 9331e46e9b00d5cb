package service

import (
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// Status is what each replica of a service answers, as JSON, on StatusSubject.
// Each replica sends one answer: ask with an inbox of your own, and collect the
// answers for a moment.
type Status struct {
	Service  string           `json:"service"`
	Instance string           `json:"instance"` // unique; the ID that `nats micro ls` shows
	Host     string           `json:"host"`     // in a container its name, in Kubernetes that of the pod
	Version  string           `json:"version"`
	Started  time.Time        `json:"started"`    // by the replica's clock; do not compare it with another clock
	Up       float64          `json:"up_seconds"` // since Started
	Counts   map[string]int64 `json:"counts"`     // since Started; each service defines what it counts

	// Problems is what prevents the replica from working normally now, one line each
	// and at most MaxProblems.
	Problems []string `json:"problems,omitempty"`
}

// Counts that operators rely on, whatever else a service counts.
const (
	CountInFlight = "in_hand" // messages being worked on now
	CountAsking   = "asking"  // 1 while the replica makes new requests of its own accord
)

// StatusSubject is where the replicas of a service answer with their Status.
func StatusSubject(service string) string { return "status." + service }

// Announce registers this process as one replica of a service, until nc is closed: a NATS micro service with one endpoint, on StatusSubject. The functions
// counts and problems are called for each answer, concurrently with everything
// else, and must return quickly.
//
// It returns the replica's instance ID. While NATS is down it succeeds as well:
// the replica appears when the connection is there, and after each reconnect.
func Announce(nc *nats.Conn, name string, counts func() map[string]int64, problems func() []string) (instance string, err error) {
	build := CurrentBuild()
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("cannot announce service %s: %w", name, err)
	}
	begun := time.Now()
	status := Status{Service: name, Host: host, Version: build.Version, Started: begun.UTC()}
	replica, err := micro.AddService(nc, micro.Config{
		Name:    name,
		Version: build.semVer(),
		// Every replica answers, not one of them.
		QueueGroupDisabled: true,
		Metadata: map[string]string{
			"host":    host,
			"version": build.String(),
			"started": status.Started.Format(time.RFC3339),
		},
	})
	if err != nil {
		return "", fmt.Errorf("cannot announce service %s: %w", name, err)
	}
	status.Instance = replica.Info().ID
	handler := micro.HandlerFunc(func(r micro.Request) {
		answer := status
		answer.Up, answer.Counts, answer.Problems = time.Since(begun).Seconds(), counts(), problems()
		// An answer that cannot be sent is no longer waited for.
		_ = r.RespondJSON(answer)
	})
	err = replica.AddEndpoint("status", handler, micro.WithEndpointSubject(StatusSubject(name)))
	if err != nil {
		return "", fmt.Errorf("cannot announce service %s: %w", name, err)
	}
	return status.Instance, nil
}
