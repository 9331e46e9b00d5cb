package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// answerWithin is shorter than the time any platform gives a health check, so
// that the reason is ours and not "killed".
const answerWithin = 2 * time.Second

// healthcheck asks the program that serves at the address, in the same
// container, whether it is ready. It is the command of a container's health
// check where the image has neither shell nor curl.
//
// It asks /readyz, not /livez: a container's health is what others wait for
// before they start (service_healthy), not a reason to restart it. Kubernetes
// asks both directly.
func healthcheck(ctx context.Context, listen string) error {
	if listen == "" {
		return errors.New("cannot check health: nothing is served without --listen or LISTEN")
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(listen)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("cannot check health: %w", err)
	}
	client := http.Client{Transport: &http.Transport{}} // a proxy has no business here
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("cannot check health: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
		return errors.New(strings.TrimSpace(string(why)))
	}
	return nil
}

// reachable is where a client on this machine finds who listens at an address.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	switch ip := net.ParseIP(host); {
	case host == "":
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}
