package publish

import (
	"errors"
	"maps"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// note records that another stream has answered instead of the expected one,
// and reports whether err says so.
func (p *Publisher) note(stream string, err error) bool {
	var other *otherStreamError
	if !errors.As(err, &other) {
		return false
	}
	p.troubled.Store(stream, other.stream)
	return true
}

// otherStream returns the stream that has recently answered instead of the expected
// one; empty if none has.
func (p *Publisher) otherStream(stream string) string {
	other, _ := p.troubled.Load(stream)
	name, _ := other.(string)
	return name
}

// expecting returns the message with the header that makes every other stream refuse
// it. Normally it is not sent, since each header costs the broker time.
func expecting(m *nats.Msg, stream string) *nats.Msg {
	if len(m.Header[jetstream.ExpectedStreamHeader]) > 0 {
		return m
	}
	header := make(nats.Header, len(m.Header)+1)
	maps.Copy(header, m.Header)
	header[jetstream.ExpectedStreamHeader] = []string{stream}
	return &nats.Msg{Subject: m.Subject, Reply: m.Reply, Header: header, Data: m.Data}
}
