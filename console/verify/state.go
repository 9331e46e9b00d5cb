package verify

import (
	"encoding/json"

	"decoupled.example/shared/contract"
)

// state is how far a request has come.
type state struct {
	generated, stored, received bool
	differ                      string // which entry is not what it should be, and how; "" if each is
}

func newState(id string, generated, stored, received map[string][]byte) (s state) {
	var g, t contract.Response
	value, ok := generated[id]
	if s.generated = ok; ok && (json.Unmarshal(value, &g) != nil || g.ID != id) {
		s.differ = "what was generated is not the response to this request"
	}
	value, ok = stored[id]
	if s.stored = ok; ok && s.differ == "" && (json.Unmarshal(value, &t) != nil || t.ID != id) {
		s.differ = "what was stored is not the response to this request"
	}
	value, s.received = received[id]
	switch {
	case s.differ != "":
	case s.generated && s.stored && g.String != t.String:
		s.differ = "the string stored is not the string generated"
	case s.received && bearsAnother(id, value):
		s.differ = "what was received is not the receipt of this request"
	}
	return s
}

// bearsAnother reports whether what is stored under an ID bears another.
func bearsAnother(id string, value []byte) bool {
	found := contract.IDOf(value)
	return found != "" && found != id
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
