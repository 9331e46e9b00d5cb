package scenario

import (
	"fmt"

	"github.com/nats-io/nats.go"

	"decoupled.example/demo/stage"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// waste is a message that no generator can read.
type waste struct {
	what   string
	header nats.Header
	body   string
	reason string // what the dead letter must say
}

// rubbish is what anyone may publish, on purpose or not.
func rubbish() []waste {
	with := func(name, value string) nats.Header { return nats.Header{name: {value}} }
	const at = `"requested_at":"2026-01-02T03:04:05Z"`
	valid := func() string { return fmt.Sprintf(`{"id":%q,%s}`, contract.NewID(), at) }
	return []waste{
		{"a field of another type", nil, `{"id":7}`, "is a JSON"},
		{"an empty body", nil, "", "the body is empty"},
		{"no JSON", nil, "hello", "not JSON"},
		{"cut off", nil, valid()[:30], "not JSON"},
		{"not UTF-8", nil, "{\"id\":\"\xff\"}", "invalid UTF-8"},
		{"null", nil, `null`, "invalid message"},
		{"an array", nil, `[]`, "is a JSON"},
		{"a field is missing", nil, fmt.Sprintf(`{"id":%q}`, contract.NewID()), "requested_at"},
		{"an ID that is none", nil, `{"id":"../../x",` + at + `}`, "id"},
		{"of another kind", with(contract.HeaderSchema, contract.SchemaResponse), valid(), contract.SchemaResponse},
		{"of another encoding", with(contract.HeaderContentType, "text/plain"), valid(), "text/plain"},
		{"a name twice", nil, `{"id":"x",` + valid()[1:], "duplicate"},
		{"headers that mean something to a broker", with("Nats-Required-Api-Level", "0"), "boo", "not JSON"},
		{"a header that a client cannot send", with("X-Evil", "a\tb"), "boo!", "not JSON"},
	}
}

// publish puts it into the queue of requests, past all that checks messages.
func (w waste) publish(s *stage.Stage) {
	_, err := s.Operator().JS.PublishMsg(s.Context(), &nats.Msg{Subject: topology.SubjectRequest, Header: w.header, Data: []byte(w.body)})
	if err != nil {
		s.Must(fmt.Errorf("cannot publish %s: %w", w.what, err))
	}
}
