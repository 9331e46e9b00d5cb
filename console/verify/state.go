package verify

import (
	"encoding/json"

	"decoupled.example/shared/contract"
)

// state is how far a request has come.
type state struct {
	generated, stored, received bool
	differ                      string // in what the entries differ that should be the same
}

func newState(id string, generated, stored, received map[string][]byte) (s state) {
	g, ok := generated[id]
	s.generated = ok
	t, ok := stored[id]
	s.stored = ok
	_, s.received = received[id]
	if s.generated && s.stored {
		s.differ = difference(id, g, t)
	}
	return s
}

func (s state) finished() bool { return s.generated && s.stored && s.received }

// step says where a request that is not complete stands.
func (s state) step() string {
	switch {
	case !s.generated:
		return "never generated"
	case !s.stored:
		return "generated, never stored"
	default:
		return "stored, never received"
	}
}

// add counts the entries that have what must be before them.
func (n *seen) add(s state) {
	if s.generated {
		n.generated++
	}
	if s.generated && s.stored {
		n.stored++
	}
	if s.stored && s.received {
		n.received++
	}
}

// difference says in what the two strings of a request differ; "" when they are
// the same.
func difference(id string, generated, stored []byte) string {
	var g, s contract.Response
	switch {
	case json.Unmarshal(generated, &g) != nil || g.ID != id:
		return "what was generated is not the response to this request"
	case json.Unmarshal(stored, &s) != nil || s.ID != id:
		return "what was stored is not the response to this request"
	case g.String != s.String:
		return "the string stored is not the string generated"
	}
	return ""
}
