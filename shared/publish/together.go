package publish

import (
	"bytes"
	"context"
	"strconv"

	"github.com/nats-io/nats.go"
)

// together publishes messages whose answers all come to one subject, and reports
// whether all are stored. If not, publishing them one by one shows which of them is to
// blame.
//
// A reply subject for each message would be new to the broker each time, and cost it as
// much as finding the stream.
func (p *Publisher) together(ctx context.Context, in *inbox, stream string, messages []*nats.Msg) bool {
	c := in.begin(stream, len(messages), 1)
	for _, m := range messages {
		if p.send(m, c.prefix+allIndex) != nil {
			return false
		}
	}
	if c.await(ctx, p.confirmWithin) != nil {
		return false
	}
	p.note(stream, c.verdicts[0])
	return c.verdicts[0] == nil
}

// confirm notes one answer to all messages. They need not say which
// message they are about as long as no two are about the same: a broker that
// changes its leader may answer twice. So each must name a later place in the
// stream than the one before.
func (c *call) confirm(m *nats.Msg) {
	err := read(m, c.stream)
	place := sequence(m.Data)
	switch {
	case c.left == 0:
	case err != nil || place <= c.place: // the end
		if err != nil {
			c.verdicts[0] = err
		}
		c.left = 0
	default:
		c.place = place
		if c.left--; c.left == 0 {
			c.verdicts[0] = nil
		}
	}
}

// sequence is where a confirmation says that the message is stored; 0 if it
// does not.
func sequence(confirmation []byte) uint64 {
	_, rest, _ := bytes.Cut(confirmation, []byte(`"seq":`))
	if end := bytes.IndexAny(rest, ",}"); end >= 0 {
		rest = rest[:end]
	}
	n, _ := strconv.ParseUint(string(bytes.TrimSpace(rest)), 10, 64)
	return n
}
