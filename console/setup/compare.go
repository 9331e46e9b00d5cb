package setup

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// DifferentError is the error of a setup that finds something with other settings than
// wanted. Nothing that exists is changed.
type DifferentError struct {
	Differences []string // "REQUESTS: max_bytes is 5, should be 1073741824"
}

func (e *DifferentError) Error() string {
	return "what exists differs from what should be:\n  " + strings.Join(e.Differences, "\n  ")
}

// free are settings that may differ. The services do not rely on them, and the broker or
// an operator may add to them. A queue may be paused.
var free = []string{"metadata", "description", "pause_until"}

// durations are settings that the broker spells in nanoseconds.
var durations = []string{"ack_wait", "max_age", "duplicate_window", "inactive_threshold", "max_expires", "subject_delete_marker_ttl"}

// changeable are settings that can be changed while the queues hold messages and replicas
// run: nothing is lost, and the services continue.
var changeable = []string{"ack_wait", "allow_atomic", "allow_batched", "allow_direct", "allow_rollup_hdrs", "duplicate_window", "max_ack_pending", "max_age", "max_batch", "max_bytes", "max_deliver", "max_msg_size", "num_replicas"}

// difference is one setting that is not as wanted.
type difference struct {
	field, text string
	loses       bool // to change it would lose something
}

// stays reports whether the setting cannot be changed safely.
func (d difference) stays() bool { return d.loses || !slices.Contains(changeable, d.field) }

// remedy returns advice for a setting whose change would lose something.
func (d difference) remedy() string {
	switch {
	case !d.loses:
		return ""
	case d.field == "ack_wait":
		return ": replicas that run would be too slow for it, and others would be given the same work; give --ack-wait, or if it is meant stop them and use `nats consumer edit --wait`"
	case d.field == "num_replicas":
		return ": fewer replicas would survive less; give --replicas, or if it is meant use `nats stream edit --replicas`"
	default:
		return ": that would remove what is older for good; give --keep, or if it is meant use `nats stream edit --max-age`"
	}
}

// loses reports whether something is lost when a setting is changed from found to
// wanted: fewer replicas, less time for work in progress, or a shorter retention, of
// which 0 is the longest.
func loses(field string, wanted, found any) bool {
	w, f := number(wanted), number(found)
	switch field {
	case "num_replicas", "ack_wait":
		return w < f
	case "max_age":
		return w > 0 && (f == 0 || w < f)
	}
	return false
}

// number returns 0 for a value that is not set.
func number(value any) int64 {
	n, _ := value.(json.Number)
	i, _ := n.Int64()
	return i
}

// differences compares the settings as the broker spells them, so that settings that
// this code does not know are compared too.
func differences(name string, want, got any) (all []difference) {
	wanted, found := fields(want), fields(got)
	names := maps.Clone(found)
	maps.Copy(names, wanted)
	for _, field := range slices.Sorted(maps.Keys(names)) {
		if slices.Contains(free, field) || isDefault(field, wanted[field]) && isDefault(field, found[field]) {
			continue
		}
		if w, f := text(field, wanted[field]), text(field, found[field]); w != f {
			all = append(all, difference{
				field, fmt.Sprintf("%s: %s is %s, should be %s", name, field, f, w), loses(field, wanted[field], found[field]),
			})
		}
	}
	return all
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

// isDefault reports whether a value stands for "not set", or is the default that the
// broker fills in.
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

func text(field string, value any) string {
	if value == nil {
		return "not set"
	}
	if n, ok := value.(json.Number); ok && slices.Contains(durations, field) {
		if d, err := n.Int64(); err == nil {
			return time.Duration(d).String()
		}
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // subjects have a ">"
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSpace(out.String())
}
