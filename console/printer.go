package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// printer prints results: as text for people, or as JSON.
type printer struct {
	out  io.Writer
	json bool
}

// say prints a line for people; with --json there are none.
func (p printer) say(format string, args ...any) {
	if !p.json {
		fmt.Fprintf(p.out, format+"\n", args...)
	}
}

// print prints a value as JSON if that was asked for, and else what text prints.
func (p printer) print(value any, text func()) error {
	if !p.json {
		text()
		return nil
	}
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot print as JSON: %w", err)
	}
	_, err = fmt.Fprintf(p.out, "%s\n", data)
	return err
}
