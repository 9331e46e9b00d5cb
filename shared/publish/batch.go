package publish

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// batch sends messages as one fast batch, if the stream allows it: the broker
// answers once for all of them, which saves both sides most of what
// confirmations cost. It returns how many of them, from the first on, are
// confirmed.
//
// The broker ends a batch at the first message that it does not store. Why it
// did not, and what became of the rest, is for them to find out one by one.
func (p *Publisher) batch(ctx context.Context, messages []*nats.Msg) (confirmed int) {
	inbox := p.conn.NewInbox()
	answers := make(chan *nats.Msg, 2*len(messages)+2) // never more than two for each
	sub, err := p.conn.ChanSubscribe(inbox+".>", answers)
	if err != nil {
		return 0
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	broken := p.conn.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	defer p.conn.RemoveStatusListener(broken)

	if !p.sendBatch(inbox, messages) {
		return 0
	}
	patience := time.NewTimer(p.confirmWithin)
	defer patience.Stop()
	for {
		select {
		case m := <-answers:
			n, last := readAnswer(m)
			if confirmed = max(confirmed, min(n, len(messages))); last {
				return confirmed
			}
		case <-broken: // what is on its way to us is lost
			return confirmed
		case <-patience.C:
			return confirmed
		case <-ctx.Done():
			return confirmed
		}
	}
}

// sendBatch says whether all could be sent. What the broker is to do with a
// message stands in the subject for its answer:
//
//	<inbox>.<batch>.<answer every so many>.<at a gap>.<number>.<operation>.$FI
func (p *Publisher) sendBatch(inbox string, messages []*nats.Msg) bool {
	const begin, add, commit = ".0.$FI", ".1.$FI", ".2.$FI"
	prefix := inbox + "." + nuid.Next() + ".1000.fail."
	for i, m := range messages {
		operation := add
		switch i {
		case len(messages) - 1:
			operation = commit
		case 0:
			operation = begin
		}
		sent := nats.Msg{Subject: m.Subject, Reply: prefix + strconv.Itoa(i+1) + operation, Header: m.Header, Data: m.Data}
		if m.Reply != "" || p.conn.PublishMsg(&sent) != nil {
			return false
		}
	}
	return true
}

// readAnswer returns how many messages, from the first on, an answer confirms,
// and whether it is the last.
func readAnswer(m *nats.Msg) (confirmed int, last bool) {
	var answer struct {
		Type   string `json:"type"`  // "ack", "gap", "err"; none: the last
		Number int    `json:"seq"`   // of an ack: all up to this one are stored
		Count  int    `json:"count"` // of the last: so many are stored
		Error  any    `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil: // nobody is there to answer
		return 0, true
	case answer.Type == "ack":
		return answer.Number, false
	case answer.Type != "": // the last one follows, and does not count what this is about
		return 0, false
	case answer.Error != nil:
		return 0, true
	}
	return answer.Count, true
}
