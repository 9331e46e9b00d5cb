package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
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

// Run asks whether the dashboard serves. The page shows whether the broker is reachable.
func (c healthcheckCommand) Run() error {
	if err := c.ask(); err != nil {
		return fmt.Errorf("cannot check health: %w", err)
	}
	return nil
}

// ask makes the one request without a library: an http.Client, which nothing else here
// needs, would make the image half a megabyte larger.
func (c healthcheckCommand) ask() error {
	deadline := time.Now().Add(answerWithin)
	conn, err := net.DialTimeout("tcp", c.Listen, answerWithin) // without a host this machine is meant
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := fmt.Fprint(conn, "GET /livez HTTP/1.0\r\n\r\n"); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New("the dashboard answers " + answer.Status)
	}
	return nil
}
