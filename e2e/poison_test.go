package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/letters"
	"decoupled.example/demo/embedded"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

func (d *deployment) letters() (*letters.Letters, []letters.Letter) {
	d.t.Helper()
	dead, err := letters.Open(d.context(), d.JS)
	require.NoError(d.t, err)
	var all []letters.Letter
	for letter, err := range dead.All(d.context()) {
		require.NoError(d.t, err)
		all = append(all, letter)
	}
	return dead, all
}

// One message that kills every process that touches it, among a thousand that
// do not: it alone is set aside, and a generator that survives it finishes it.
func TestMessageThatKillsItsProcess(t *testing.T) {
	t.Parallel()
	const n = 1000
	d := start(t, func(o *embedded.Options) { o.Topology.AckWait = 300 * time.Millisecond })
	asked := d.ask(n)
	deadly := asked[n/3].ID

	crashes := 0
	for d.depths()[topology.Requests].Messages > 0 {
		g := self(t, "killer", "NATS_URL="+d.broker.URL(), "DEADLY="+deadly)
		d.eventually(func() bool {
			select {
			case <-g.ended:
				return true
			default:
				return d.depths()[topology.Requests].Messages == 0
			}
		}, "it crashes, or is done")
		select {
		case <-g.ended:
			crashes++
			require.LessOrEqual(t, crashes, 30, "it is never set aside")
		default:
			require.Zero(t, g.terminate())
		}
	}
	t.Logf("%d processes died of it", crashes)
	dead, all := d.letters()
	require.Len(t, all, 1, "only the killer is set aside")
	require.Equal(t, deadly, all[0].RequestID)
	require.Equal(t, topology.Requests, all[0].Queue)

	d.scale(1, 1)
	d.drained()
	verdict := d.verdict()
	require.EqualValues(t, n-1, verdict.Complete)
	require.EqualValues(t, 1, verdict.Dead)
	require.True(t, verdict.Finished(), "%+v", verdict)

	require.NoError(t, dead.Redrive(d.context(), all[0]))
	d.proven(n)
}

// Whatever is published to a queue, by whomever: it is set aside with a reason,
// while everything else flows.
func TestPoisonIsSetAsideWithItsReason(t *testing.T) {
	t.Parallel()
	const good = 2000
	d := start(t)
	d.scale(1, 2)

	header := func(change ...func(nats.Header)) nats.Header {
		h := nats.Header{contract.HeaderContentType: {contract.ContentType}, contract.HeaderSchema: {contract.SchemaRequest}}
		for _, c := range change {
			c(h)
		}
		return h
	}
	with := func(name, value string) func(nats.Header) { return func(h nats.Header) { h[name] = []string{value} } }
	id := contract.NewID
	valid := func() string { return `{"id":"` + id() + `","requested_at":"2026-01-02T03:04:05Z"}` }
	poison := map[string]struct {
		header nats.Header
		body   string
		reason string
	}{
		"empty":           {header(), "", "empty body"},
		"not JSON":        {header(), "hello", "not JSON"},
		"not UTF-8":       {header(), "{\"id\":\"\xff\"}", "not UTF-8"},
		"wrong type":      {header(), `{"id":7}`, "wrong JSON type"},
		"null":            {header(), `null`, "invalid message"},
		"array":           {header(), `[]`, "wrong JSON type"},
		"missing field":   {header(), `{"id":"` + id() + `"}`, "requested_at"},
		"invalid ID":      {header(), `{"id":"../../x","requested_at":"2026-01-02T03:04:05Z"}`, "id"},
		"later version":   {header(with(contract.HeaderSchema, "decoupled.request.v2")), valid(), "decoupled.request.v2"},
		"of another kind": {header(with(contract.HeaderSchema, contract.SchemaResponse)), valid(), contract.SchemaResponse},
		"no schema":       {nats.Header{}, valid(), "schema"},
		"hostile header":  {header(with("Nats-Expected-Last-Msg-Id", ""), with("Nats-Required-Api-Level", "0")), "boo", "not JSON"},
		"control header":  {header(with("X-Evil", "a\tb")), "boo", "not JSON"},
	}
	asking := make(chan int)
	go func() { asking <- len(d.ask(good)) }()
	for name, p := range poison {
		_, err := d.JS.PublishMsg(d.context(), &nats.Msg{Subject: topology.SubjectRequest, Header: p.header, Data: []byte(p.body)})
		require.NoError(t, err, name)
	}
	// A time in the future is no poison: clocks differ.
	future := contract.NewRequest(time.Now().AddDate(50, 0, 0))
	require.NoError(t, d.Topology.Requests.Publish(d.context(), future))
	require.Equal(t, good, <-asking)
	d.drained()

	verdict := d.verdict()
	require.EqualValues(t, good, verdict.Complete)
	require.EqualValues(t, 1, verdict.Recovered, "that of the future, asked by nobody we know")
	require.True(t, verdict.Finished(), "%+v", verdict)
	_, all := d.letters()
	require.Len(t, all, len(poison))
	bodies := make(map[string][]letters.Letter)
	for _, letter := range all {
		bodies[string(letter.Body)] = append(bodies[string(letter.Body)], letter)
	}
	for name, p := range poison {
		var reasons []string
		for _, letter := range bodies[p.body] {
			reasons = append(reasons, letter.Reason)
		}
		require.Condition(t, func() bool { return containsText(reasons, p.reason) }, "%s: its reasons are %q", name, reasons)
	}
}

// Requests that fail each time are set aside after their attempts, and complete
// once the generator is mended and they are redriven.
func TestFailingRequestsAreRedriven(t *testing.T) {
	t.Parallel()
	const n = 500
	d := start(t, func(o *embedded.Options) { o.Generator.Fail = 0.02 })
	d.scale(1, 2)
	d.ask(n)
	d.drained()
	dead, all := d.letters()
	require.NotEmpty(t, all)
	require.Less(t, len(all), n/10)
	verdict := d.verdict()
	require.EqualValues(t, n-len(all), verdict.Complete)
	require.EqualValues(t, len(all), verdict.Dead)
	for _, letter := range all {
		require.Equal(t, 5, letter.Deliveries)
		require.Contains(t, letter.Reason, "chosen to fail")
	}

	d.scale(1, 0)
	d.options.Generator.Fail = 0
	d.scale(1, 2)
	for _, letter := range all {
		require.NoError(t, dead.Redrive(d.context(), letter))
	}
	d.proven(n)
}

func containsText(texts []string, part string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, part) })
}
