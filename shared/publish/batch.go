package publish

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// worthABatch is the number of messages from which an atomic batch costs the
	// broker less than single messages, if it syncs every write to the disk.
	worthABatch = 24
	// askAgain is how long a stream that refused an atomic batch is offered no other.
	askAgain = time.Minute
)

// Headers of an atomic batch.
const (
	batchID       = "Nats-Batch-Id"
	batchSequence = "Nats-Batch-Sequence"
	batchCommit   = "Nats-Batch-Commit"
)

const atomicPublishDisabled jetstream.ErrorCode = 10174

// takesBatches reports whether the stream has refused no atomic batch lately.
func (p *Publisher) takesBatches(stream string) bool {
	since, ok := p.disabled.Load(stream)
	return !ok || time.Since(since.(time.Time)) >= askAgain
}

// batch publishes messages as one atomic batch, and reports whether they are stored. If
// not, publishing them one by one shows which of them is to blame, and why.
//
// Streams allow it (AllowAtomicPublish) where the broker syncs to the disk before
// it confirms: a batch is synced once, not once a message. Elsewhere it would
// cost more than it saves.
func (p *Publisher) batch(ctx context.Context, in *inbox, stream string, messages []*nats.Msg) bool {
	c := in.begin(stream, 1, 1)
	id := rand.Text()
	for i, m := range messages {
		if m.Reply != "" {
			return false
		}
		sent := nats.Msg{Subject: m.Subject, Header: maps.Clone(m.Header), Data: m.Data}
		if sent.Header == nil {
			sent.Header = make(nats.Header, 3)
		}
		sent.Header[batchID] = []string{id}
		sent.Header[batchSequence] = []string{strconv.Itoa(i + 1)}
		if i == len(messages)-1 {
			sent.Header[batchCommit] = []string{"1"}
			sent.Reply = c.reply(0)
		}
		if p.conn.PublishMsg(&sent) != nil {
			return false
		}
	}
	err := cmp.Or(c.await(ctx, p.confirmWithin), c.verdicts[0])
	p.note(stream, err)
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == atomicPublishDisabled {
		p.disabled.Store(stream, time.Now())
	}
	return err == nil
}
