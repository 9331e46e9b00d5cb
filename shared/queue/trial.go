package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"decoupled.example/shared/publish"
)

// trial is one lone attempt at a message, and the key-value entry that is there
// from before the attempt until after it. An entry that outlives its attempt
// tells that the process did not.
//
// The entry is read from the bucket's leader, and written on the condition that
// it is still what was read. Another replica may lag behind, and a trial that
// ended well would look as if it never had.
type trial struct {
	client  *Client
	log     zerolog.Logger
	bucket  string
	key     string
	attempt string // ours, and no other's
}

func (w *worker[T]) newTrial(d *delivery[T]) *trial {
	return &trial{
		client: w.client, log: w.log, bucket: w.config.Suspects,
		key: w.config.Stream + "." + d.identity("."), attempt: nuid.Next(),
	}
}

// begin puts the attempt on record. If another one is on record, which has
// never ended, it returns that instead.
func (t *trial) begin(ctx context.Context) (unended string, err error) {
	for {
		found, sequence, err := t.read(ctx)
		switch {
		case err != nil:
			return "", err
		case found == t.attempt: // written before, and we heard no answer
			return "", nil
		case found != "":
			return found, nil
		}
		if written, err := t.write(ctx, sequence, t.attempt); written || err != nil {
			return "", err
		}
	}
}

// end takes an attempt off the record, if it is there.
func (t *trial) end(ctx context.Context, attempt string) error {
	for {
		found, sequence, err := t.read(ctx)
		if err != nil || found != attempt {
			return err
		}
		if written, err := t.write(ctx, sequence, ""); written || err != nil {
			return err
		}
	}
}

// write makes attempt the entry if the sequence of the last one is as given,
// and says whether it was.
func (t *trial) write(ctx context.Context, sequence uint64, attempt string) (bool, error) {
	m := nats.NewMsg(t.subject())
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(sequence, 10))
	m.Data = []byte(attempt)
	if attempt == "" {
		m.Header.Set("KV-Operation", "DEL")
	}
	refused, err := t.client.publisher.Publish(ctx, "", []*nats.Msg{m})
	switch {
	case err != nil:
		return false, err
	case errors.Is(refused[0], publish.ErrExists):
		return false, wait(ctx, shortestPause)
	}
	return refused[0] == nil, refused[0]
}

// read returns the entry and its sequence; both are zero if there is none. It
// repeats until the broker has answered, ctx ends or the connection is closed.
func (t *trial) read(ctx context.Context) (attempt string, sequence uint64, err error) {
	var said time.Time
	for {
		attempt, sequence, err = t.ask(ctx)
		if err == nil {
			return attempt, sequence, nil
		}
		if ctx.Err() == nil && !errors.Is(err, nats.ErrConnectionClosed) {
			if time.Since(said) > sayEvery && t.client.conn.IsConnected() {
				said = time.Now()
				t.log.Warn().Err(explain(err)).Str("bucket", t.bucket).Msg("cannot use the records of trials yet; trying again")
			}
			if wait(ctx, lookEvery) == nil {
				continue
			}
		}
		return "", 0, fmt.Errorf("cannot read the record of a trial: %w", err)
	}
}

func (t *trial) ask(ctx context.Context) (attempt string, sequence uint64, err error) {
	if err := connected(t.client.conn); err != nil {
		return "", 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	question := fmt.Appendf(nil, `{"last_by_subj":%q}`, t.subject())
	m, err := t.client.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET.KV_"+t.bucket, question)
	if err != nil {
		return "", 0, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Sequence uint64 `json:"seq"`
			Data     []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return "", 0, err
	}
	if answer.Error != nil && answer.Error.ErrorCode != jetstream.JSErrCodeMessageNotFound {
		return "", 0, answer.Error
	}
	return string(answer.Message.Data), answer.Message.Sequence, nil
}

func (t *trial) subject() string { return "$KV." + t.bucket + "." + t.key }
