package scenario

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"decoupled.example/generator"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// nextResponse is the response of a later minor version: with one field more,
// which no reader needs.
type nextResponse struct {
	contract.Response
	Alphabet string `json:"alphabet"`
}

// nextCodec writes it. The schema stays that of the major version.
type nextCodec struct{}

func (nextCodec) ID(r nextResponse) string { return contract.Responses.ID(r.Response) }

func (nextCodec) Encode(r nextResponse) (map[string][]string, []byte, error) {
	header, _, err := contract.Responses.Encode(r.Response)
	if err != nil {
		return nil, nil, err
	}
	body, err := json.Marshal(r)
	return header, body, err
}

func (nextCodec) Decode(header map[string][]string, body []byte) (r nextResponse, err error) {
	r.Response, err = contract.Responses.Decode(header, body)
	return r, err
}

func (c nextCodec) EncodeEntry(r nextResponse) ([]byte, error) {
	_, body, err := c.Encode(r)
	return body, err
}

// DecodeEntry also reads what the version before has kept, without the new field.
func (nextCodec) DecodeEntry(id string, entry []byte) (r nextResponse, err error) {
	if r.Response, err = contract.Responses.DecodeEntry(id, entry); err != nil {
		return r, err
	}
	return r, json.Unmarshal(entry, &r)
}

// nextGenerator is a replica of the generator's next version.
type nextGenerator struct {
	t         *topology.Topology
	responses *queue.Queue[nextResponse]
	generated ledger.Typed[nextResponse]
	received  ledger.Typed[contract.Receipt]
	make      generator.Maker

	conn  *nats.Conn
	stop  context.CancelFunc
	ended chan error
}

// startNext starts a replica on a connection, which is its own from then on.
func startNext(conn *nats.Conn, maker generator.Maker) (*nextGenerator, error) {
	const grace = 10 * time.Second
	log := slog.New(slog.DiscardHandler)
	t, err := topology.Open(conn, log, topology.Options{ShutdownTimeout: grace})
	if err != nil {
		return nil, err
	}
	publisher, err := publish.New(conn, log)
	if err != nil {
		return nil, err
	}
	client, err := queue.NewClient(conn, publisher, log, grace)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background()) // ended by Stop
	g := &nextGenerator{
		t:         t,
		responses: queue.New(client, queue.Config{Stream: topology.Responses, Subject: topology.SubjectResponse}, nextCodec{}),
		generated: ledger.Of(t.Ledger(topology.Generated), topology.Generated, nextCodec{}),
		received:  ledger.Of(t.Ledger(topology.Received), topology.Received, contract.Receipts),
		make:      maker,
		conn:      conn, stop: stop, ended: make(chan error, 1),
	}
	go func() { g.ended <- g.run(ctx) }()
	return g, nil
}

// Stop returns when the replica has finished its work in progress.
func (g *nextGenerator) Stop() error {
	g.stop()
	err := <-g.ended
	g.ended <- err // for who stops it again
	g.conn.Close()
	return err
}

func (g *nextGenerator) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return g.t.Requests.Consume(ctx, g.answer) })
	group.Go(func() error { return g.t.Receipts.Consume(ctx, g.markReceived) })
	return group.Wait()
}

func (g *nextGenerator) answer(ctx context.Context, requests []queue.Message[contract.Request]) error {
	responses := make([]nextResponse, len(requests))
	for i, request := range requests {
		text, err := g.make(ctx, request.Body)
		if err != nil {
			return err
		}
		responses[i] = nextResponse{contract.NewResponse(request.Body.ID, text, time.Now()), "a-zA-Z0-9"}
	}
	kept, mismatched, err := g.generated.PutIfAbsent(ctx, responses...)
	if err != nil {
		return err
	}
	for _, err := range mismatched {
		return err
	}
	return g.responses.Publish(ctx, kept...)
}

func (g *nextGenerator) markReceived(ctx context.Context, receipts []queue.Message[contract.Receipt]) error {
	values := make([]contract.Receipt, len(receipts))
	for i, receipt := range receipts {
		values[i] = receipt.Body
	}
	_, mismatched, err := g.received.PutIfAbsent(ctx, values...)
	if err != nil {
		return err
	}
	for _, err := range mismatched {
		return err
	}
	return nil
}
