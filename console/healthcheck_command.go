package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// answerWithin is shorter than the time that a platform gives a health check, so
// that the reason is ours and not "killed".
const answerWithin = 2 * time.Second

// healthcheckCommand is a container's health check, as the image has neither
// shell nor curl.
type healthcheckCommand struct {
	Listen string `default:"${dashboard}" env:"LISTEN" placeholder:"HOST:PORT" help:"Where the dashboard listens."`
}

// Run asks whether the dashboard serves. Whether the broker is there is for the
// page to say.
func (c healthcheckCommand) Run() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	// An address without a host is dialled on this machine.
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Listen+"/livez", nil)
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
		return fmt.Errorf("cannot check health: the dashboard answers %s", response.Status)
	}
	return nil
}
