package main

import (
	"encoding/json"
	"fmt"
	"iter"

	"decoupled.example/shared/stdio"
)

// printer prints results: as text for people, or as JSON.
type printer struct {
	out   *stdio.Output
	json  bool
	width int // lines for people are cut at it; 0: not at all
}

// say prints a line for people, and nothing with --json.
func (p printer) say(format string, args ...any) {
	if !p.json {
		line := fmt.Sprintf(format, args...)
		if p.width > 0 {
			line = stdio.Cut(line, p.width)
		}
		fmt.Fprintln(p.out, line) // it keeps an error
	}
}

// print prints a value as JSON with --json, and otherwise calls text.
func (p printer) print(value any, text func()) error {
	if !p.json {
		text()
		return p.out.Err()
	}
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot print as JSON: %w", err)
	}
	_, err = fmt.Fprintf(p.out, "%s\n", data)
	return err
}

// list prints values one by one as they arrive: as a JSON array with --json, and otherwise
// with text.
func list[T any](p printer, values iter.Seq2[T, error], text func(T)) error {
	between := "[\n  "
	for value, err := range values {
		if err != nil {
			return err
		}
		if !p.json {
			text(value)
			if err := p.out.Err(); err != nil {
				return err
			}
			continue
		}
		data, err := json.MarshalIndent(value, "  ", "  ")
		if err != nil {
			return fmt.Errorf("cannot print as JSON: %w", err)
		}
		if _, err := fmt.Fprintf(p.out, "%s%s", between, data); err != nil {
			return err
		}
		between = ",\n  "
	}
	if !p.json {
		return nil
	}
	end := "\n]\n"
	if between == "[\n  " { // there was none
		end = "[]\n"
	}
	_, err := fmt.Fprint(p.out, end)
	return err
}
