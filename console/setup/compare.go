package setup

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// free are settings that may differ: they change nothing of what the services
// rely on, and the broker itself adds to them.
var free = []string{"metadata", "description"}

// compare notes what differs. It compares the settings as the broker spells
// them, so that a setting nobody here thought of is compared too.
func (s *setup) compare(name string, want, got any) {
	wanted, found := fields(want), fields(got)
	names := slices.Sorted(maps.Keys(found))
	for field := range wanted {
		if _, ok := found[field]; !ok {
			names = append(names, field)
		}
	}
	for _, field := range names {
		if slices.Contains(free, field) || isDefault(field, wanted[field]) && isDefault(field, found[field]) {
			continue
		}
		if w, f := text(wanted[field]), text(found[field]); w != f {
			s.different = append(s.different, fmt.Sprintf("%s: %s is %s, should be %s", name, field, f, w))
		}
	}
}

func fields(config any) map[string]any {
	data, err := json.Marshal(config)
	if err != nil {
		panic(fmt.Sprintf("a configuration that cannot be encoded: %v", err)) // they are plain structs
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber() // sizes and times exceed what a float holds
	var all map[string]any
	if err := decoder.Decode(&all); err != nil {
		panic(fmt.Sprintf("a configuration that cannot be decoded: %v", err))
	}
	return all
}

// isDefault is true for a value that stands for "not set", or for the value that
// the broker fills in where it is not set.
func isDefault(field string, value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case json.Number:
		return v == "0" || v == "-1" || field == "max_waiting" && v == "512"
	case string:
		return v == "" || field == "compression" && v == "none" || field == "name" // of a consumer: as its durable name
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func text(value any) string {
	if value == nil {
		return "not set"
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(data)
}
