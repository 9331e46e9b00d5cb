package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/setup"
	"decoupled.example/console/status"
	"decoupled.example/console/verify"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

var many = flag.Bool("console.many", false, "run the script of docs/operations.md with 100,000 requests too")

// output collects what a command writes. The log of its connection may write to
// it at any time.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// console runs one command against a broker and returns its exit code and what
// it wrote.
func console(t *testing.T, url string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err output
	code = execute(t.Context(), append([]string{"--nats-url", url}, args...), &out, &err)
	return code, out.String(), err.String()
}

// done runs a command that must succeed and returns what it printed.
func done(t *testing.T, url string, args ...string) string {
	t.Helper()
	code, stdout, stderr := console(t, url, args...)
	require.Zero(t, code, "%v: %s%s", args, stdout, stderr)
	return stdout
}

// decode runs a command with --json and returns what it printed.
func decode[T any](t *testing.T, url string, args ...string) (value T) {
	t.Helper()
	out := done(t, url, append(args, "--json")...)
	require.NoError(t, json.Unmarshal([]byte(out), &value), out)
	return value
}

// The script of docs/operations.md: reset, all zero; send; drain; verify.
func TestScript(t *testing.T) {
	t.Parallel()
	sizes := []int{1000}
	if *many {
		sizes = append(sizes, 100_000)
	}
	// Not the tests' short wait: a busy machine would have messages delivered twice.
	b := testbed.Start(t, func(s *topology.Settings) { s.AckWait = 10 * time.Second })
	url := b.Broker.URL()
	b.Services()
	for _, n := range sizes {
		done(t, url, "send", "20")
		done(t, url, "drain")
		done(t, url, "reset", "--yes")
		now := decode[status.Status](t, url, "status")
		require.Zero(t, now.Unfinished()+now.DeadLetters+now.Repeated())
		for name, entries := range now.Ledgers {
			require.Zero(t, entries, name)
		}

		out := done(t, url, "send", strconv.Itoa(n))
		require.Contains(t, out, "sent "+strconv.Itoa(n)+" requests, the first ")
		require.Contains(t, done(t, url, "drain", "--timeout", "5m"), "drained after")
		verdict := decode[verify.Verdict](t, url, "verify")
		require.EqualValues(t, n, verdict.Complete)
		require.EqualValues(t, n, verdict.Asked, "counted since the reset")
		require.Contains(t, done(t, url, "verify"), "OK: nothing was lost")
		require.Zero(t, decode[status.Status](t, url, "status").Repeated())
	}
}

func TestSetupIsRepeatable(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	require.Contains(t, done(t, broker.URL(), "setup"), "made: REQUESTS")
	require.Contains(t, done(t, broker.URL(), "setup"), "present, as they should be: REQUESTS")

	code, _, stderr := console(t, broker.URL(), "setup", "--max-bytes", "200000")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "REQUESTS: max_bytes is 1073741824, should be 200000")
	code, stdout, _ := console(t, broker.URL(), "setup", "--max-bytes", "200000", "--json")
	require.Equal(t, exitFailed, code)
	var result setup.Result
	require.NoError(t, json.Unmarshal([]byte(stdout), &result))
	require.Contains(t, result.Different, "REQUESTS: max_bytes is 1073741824, should be 200000")
	require.Contains(t, stdout, `"present"`)
}

func TestDrain_ReportsWhatRemainsAndWhy(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	done(t, url, "send", "30")
	done(t, url, "pause", "requests")

	code, stdout, _ := console(t, url, "drain", "--timeout", "1s")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "30 messages remain")
	require.Contains(t, stdout, "REQUESTS: no replica of the generator is alive")
	require.Contains(t, stdout, "REQUESTS is paused")

	b.Services()
	done(t, url, "resume", "REQUESTS")
	done(t, url, "drain")
}

func TestDrain_ReportsArrivingRequests(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Requestor(requestor.Options{Rate: 300})
	b.Generator(generator.Options{Work: 1e9}) // a second each: it never catches up
	b.Eventually(func() bool { return b.Messages(topology.Requests) > 100 }, "it asks")
	code, stdout, _ := console(t, b.Broker.URL(), "drain", "--timeout", "3s")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "new requests keep arriving")
}

func TestResetIsRefusedWhileRequestorsAsk(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	stop := b.Requestor(requestor.Options{Rate: 0.01})
	b.Eventually(func() bool { return b.Messages(topology.Requests) == 1 }, "it asks")
	code, _, stderr := console(t, b.Broker.URL(), "reset", "--yes")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "requests are being asked")
	require.Contains(t, stderr, "requestor "+decode[status.Status](t, b.Broker.URL(), "status").Replicas[0].Instance)
	require.EqualValues(t, 1, b.Messages(topology.Requests), "nothing was removed")
	stop()
	done(t, b.Broker.URL(), "reset", "--yes")
	require.Zero(t, b.Messages(topology.Requests))
}

func TestReset_WithMessagesInFlightAndReturned(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	stop := b.Generator(generator.Options{Work: 1e7})
	done(t, b.Broker.URL(), "send", "500")
	b.Eventually(func() bool { return b.Messages(topology.Responses) > 0 }, "under load")
	done(t, b.Broker.URL(), "reset", "--yes")
	stop()
	require.Zero(t, b.Messages(topology.Requests)+b.Messages(topology.Responses)+b.Messages("KV_"+topology.Generated))
	b.Services()
	done(t, b.Broker.URL(), "send", "10")
	done(t, b.Broker.URL(), "drain")
	require.EqualValues(t, 10, decode[verify.Verdict](t, b.Broker.URL(), "verify").Complete)
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	b.Services()
	require.Contains(t, done(t, url, "dead", "list"), "no dead letters")
	done(t, url, "send", "--malformed")
	done(t, url, "drain") // one after the other, so that it is letter 1
	done(t, url, "send", "--future-version")
	b.PublishUnreadable(topology.SubjectRequest, "")
	done(t, url, "drain")
	require.EqualValues(t, 3, b.Messages(topology.DeadLetters))

	list := done(t, url, "dead", "list")
	require.Contains(t, list, "not JSON")
	require.Contains(t, list, "decoupled.request.v99")
	require.Contains(t, done(t, url, "dead", "list", "--reason", "v99", "--queue", "requests"), "v99")
	require.Contains(t, done(t, url, "dead", "list", "--queue", "receipts"), "no dead letters")
	require.Contains(t, done(t, url, "dead", "show", "1"), "ID         1-")
	require.Contains(t, done(t, url, "dead", "redrive", "--all", "--reason", "request.v99"), "redriven: 1")
	done(t, url, "drain")
	require.EqualValues(t, 3, b.Messages(topology.DeadLetters), "nobody understands it yet: it is back")
	first := decode[deadletter.Message](t, url, "dead", "show", "1").ID
	require.Contains(t, done(t, url, "dead", "list"), first)
	require.Contains(t, done(t, url, "dead", "show", first), "ID         "+first)
	require.Contains(t, done(t, url, "dead", "discard", first), "discarded: 1")
	for _, id := range []string{"1", first} {
		code, _, stderr := console(t, url, "dead", "show", id)
		require.Equal(t, exitFailed, code)
		require.Contains(t, stderr, "no such dead letter")
	}
	left := decode[[]deadletter.Message](t, url, "dead", "list")
	require.Len(t, left, 2)
	code, _, stderr := console(t, url, "dead", "discard", left[0].ID, "99-9f3a21c4")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "dead letter 99-9f3a21c4")
	require.EqualValues(t, 2, b.Messages(topology.DeadLetters), "an unknown one stops it before anything is done")
	require.Contains(t, done(t, url, "dead", "discard", "--all"), "discarded: 2")
}

// One letter that cannot be redriven does not hold up the others, and is not
// passed over in silence.
func TestRedriveOfWhatCannotBe(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	b.PlantDead(1)
	_, err := b.JS.Publish(b.Context(), "dead.REQUESTS.foreign", nil)
	require.NoError(t, err)
	b.PlantDead(2)
	code, stdout, stderr := console(t, url, "dead", "redrive", "--all")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "redriven: 3")
	require.Contains(t, stderr, "3 are redriven, 1 are not: cannot redrive dead letter 2-")
	require.EqualValues(t, 1, b.Messages(topology.DeadLetters), "it stays")
	require.EqualValues(t, 3, b.Messages(topology.Requests))
}

// A request's ID stands for all its letters.
func TestDead_ByRequest(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	require.Empty(t, decode[[]deadletter.Message](t, url, "dead", "list"))
	id := b.PlantDead(1)[0]
	require.Len(t, decode[[]deadletter.Message](t, url, "dead", "list"), 1)
	b.PublishUnreadable(topology.SubjectReceipt, id)
	stop := b.Services()
	done(t, url, "drain")
	stop()
	b.PlantDead(1)
	require.Len(t, decode[[]deadletter.Message](t, url, "dead", "list"), 3)
	require.Contains(t, done(t, url, "dead", "show", id), "ID         2-", "the last one")
	require.Contains(t, done(t, url, "dead", "redrive", id), "redriven: 2")
	require.EqualValues(t, 1, b.Messages(topology.Requests))
	require.EqualValues(t, 1, b.Messages(topology.Receipts))
	b.Services()
	done(t, url, "drain")
	require.Contains(t, done(t, url, "dead", "discard", id), "discarded: 2")
	require.EqualValues(t, 1, b.Messages(topology.DeadLetters))
}

func TestTrace(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	id := b.Ask(1)[0].ID
	require.Contains(t, done(t, url, "trace", id), "it is in REQUESTS")
	b.Services()
	done(t, url, "drain")
	out := done(t, url, "trace", id)
	for _, step := range topology.LedgerNames {
		require.Contains(t, out, step)
	}
	require.Contains(t, out, "finished")

	code, _, stderr := console(t, url, "trace", "01890000-0000-7000-8000-000000000000")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "nothing is recorded")
	code, _, stderr = console(t, url, "trace", "nonsense")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "nonsense")
}

func TestStatusShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	done(t, url, "send", "7")
	require.Contains(t, done(t, url, "status"), "no replica of any service is alive")
	b.Services()
	done(t, url, "drain")
	out := done(t, url, "status")
	for _, part := range []string{"REQUESTS", "RESPONSES", "RECEIPTS", "asked              7", "requestor", "generator", "answered 7"} {
		require.Contains(t, out, part)
	}
	done(t, url, "pause", "receipts")
	require.Contains(t, done(t, url, "status"), "PAUSED")
	now := decode[status.Status](t, url, "status")
	require.True(t, now.Queues[2].Paused)
	require.Len(t, now.Replicas, 2)
	rates := decode[withRates](t, url, "status").Rates
	require.Len(t, rates.Queues, 3)
	require.Len(t, rates.Ledgers, 4)
}

func TestStatusShowsTheProblemsOfEachReplica(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	problem := `REQUESTS: backing off for 5s after "connection refused"`
	s, err := service.New(topology.Generator, b.Conn, b.Log(), time.Second)
	require.NoError(t, err)
	require.NotContains(t, done(t, b.Broker.URL(), "status"), "problem")
	s.ReportProblems(func() []string { return []string{problem} })
	require.Contains(t, done(t, b.Broker.URL(), "status"), "  problem: "+problem+"\n")
	require.Equal(t, []string{problem}, decode[status.Status](t, b.Broker.URL(), "status").Replicas[0].Problems)
}

// Whoever may answer, or set aside, cannot write to an operator's terminal.
// Ages and up times are told by the clock of who states the time: neither the
// broker's nor a replica's agrees with the operator's.
func TestStatusAgreesWithNoClockButItsOwn(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ahead": 2 * time.Hour, "behind": -2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.StartShifted(t, ahead)
			b.Ask(1)
			replica := b.Broker.Connect()
			_, err := replica.Subscribe(service.StatusSubject(topology.Generator), func(m *nats.Msg) {
				answer, _ := json.Marshal(service.Status{Service: topology.Generator, Instance: "the-one", Started: time.Now().Add(ahead), Up: 90})
				_ = m.Respond(answer)
			})
			require.NoError(t, err)
			require.NoError(t, replica.Flush())
			text := done(t, b.Via, "status")
			require.Regexp(t, `REQUESTS .* \d+(\.\d+)?m?s\n`, text)
			require.Regexp(t, `the-one .* 1m30s`, text)
			require.NotContains(t, text, "h0m")
			require.NotContains(t, text, "-1")
		})
	}
}

func TestHostileTextIsShownEscaped(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	id := b.Ask(1)[0].ID
	hostile := "\x1b[2J\u202e"
	_, err := b.JS.PublishMsg(b.Context(), &nats.Msg{Subject: "dead.REQUESTS." + id, Header: nats.Header{"Dead-Reason": {"it is " + hostile}}})
	require.NoError(t, err)
	b.Keep(topology.Generated, ledger.Entry{ID: id, Value: []byte(hostile)})
	answer, err := json.Marshal(service.Status{Service: hostile, Instance: hostile, Host: hostile, Problems: []string{hostile}})
	require.NoError(t, err)
	_, err = b.Conn.Subscribe(service.StatusSubject(topology.Generator), func(m *nats.Msg) { _ = m.Respond(answer) })
	require.NoError(t, err)
	require.NoError(t, b.Conn.Flush())
	for _, command := range [][]string{{"trace", id}, {"status"}, {"dead", "list"}, {"dead", "show", id}} {
		out := done(t, url, command...)
		require.NotContains(t, out, "\x1b", command)
		require.NotContains(t, out, "\u202e", command)
		require.Contains(t, out, `\x1b[2J\u202e`, command)
	}
}

func TestPauseForATime(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	require.Contains(t, done(t, url, "pause", "requests", "--for=3s"), "REQUESTS is paused for 3s")
	require.Contains(t, done(t, url, "pause", "receipts"), "RECEIPTS is paused until it is resumed")
	b.Eventually(func() bool { return !decode[status.Status](t, url, "status").Queues[0].Paused }, "it flows again")
	require.True(t, decode[status.Status](t, url, "status").Queues[2].Paused)
	require.Contains(t, done(t, url, "resume", "receipts"), "RECEIPTS flows")
}

// Who sends by a program learns the IDs.
func TestSend_PrintsWhatItSent(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	result := decode[sent](t, b.Broker.URL(), "send", "2500")
	require.Equal(t, 2500, result.Sent)
	var asked []string
	for _, entry := range b.Entries(topology.Asked) {
		asked = append(asked, entry.ID)
	}
	require.Equal(t, asked, result.IDs)
}

func TestSendTwiceHasOneEffect(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Services()
	done(t, b.Broker.URL(), "send", "50", "--duplicate", "--rate", "1000")
	done(t, b.Broker.URL(), "drain")
	require.EqualValues(t, 50, decode[verify.Verdict](t, b.Broker.URL(), "verify").Complete)
}

func TestVerifyFailsWhenSomethingIsLost(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id := b.Ask(1)[0].ID
	stream, err := b.JS.Stream(t.Context(), topology.Requests)
	require.NoError(t, err)
	require.NoError(t, stream.Purge(t.Context()))
	code, stdout, _ := console(t, b.Broker.URL(), "verify")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, id+" lost: asked, never generated")
	require.Contains(t, stdout, "FAILED")
}

// Where the ledgers may have forgotten a part of all there is, a verification does
// not say OK.
func TestVerifyFailsWhenNothingCanBeJudged(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.Keep = 24 * time.Hour })
	b.Keep(topology.Asked, ledger.Entry{ID: contract.NewID(), Value: []byte("{}")}, ledger.Entry{ID: contract.NewID(), Value: []byte("{}")})
	b.Later(23*time.Hour + 59*time.Minute + 30*time.Second)
	code, stdout, stderr := console(t, b.Via, "verify")
	require.Equal(t, exitFailed, code, stderr)
	require.Contains(t, stdout, "NOT JUDGED")
	require.Regexp(t, `expired +2   not judged`, stdout)
	require.NotContains(t, stdout, "OK")
}

func TestCommands_WithoutATopologyPointToSetup(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	for _, command := range []string{"status", "drain", "verify", "dead list", "dead show 1", "dead redrive --all", "dead discard 1-9f3a21c4", "pause REQUESTS", "resume REQUESTS", "reset --yes", "send 3", "send --malformed", "trace 01890000-0000-7000-8000-000000000000"} {
		code, _, stderr := console(t, broker.URL(), append(strings.Fields(command), "--wait", "3s")...)
		require.Equal(t, exitFailed, code, command)
		require.Contains(t, stderr, "run setup", command)
	}
}

func TestCommands_WithoutABroker(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	b.Broker.Stop()
	code, _, stderr := console(t, url, "status", "--wait", "500ms")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "cannot reach the broker at "+url)

	// A command goes on when it is back in time.
	b.Broker.Restart()
	b.Services()
	var out, errors output
	ended := make(chan int)
	go func() {
		ended <- execute(context.WithoutCancel(t.Context()), []string{"--nats-url", url, "send", "3000"}, &out, &errors)
	}()
	b.Eventually(func() bool { return b.Messages(topology.Requests) > 0 || b.Messages("KV_"+topology.Asked) > 0 }, "it sends")
	b.Broker.Restart()
	require.Zero(t, <-ended, errors.String())
	done(t, url, "drain")
	require.EqualValues(t, 3000, decode[verify.Verdict](t, url, "verify").Complete)
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for args, named := range map[string]string{
		"":                                "expected one of",
		"frobnicate":                      "frobnicate",
		"send":                            "at least 1",
		"send -- -3":                      "-3",
		"send 99999999999999":             "at most 10000000",
		"send 5 --malformed":              "--malformed",
		"send 5 --rate=NaN":               "--rate",
		"drain --timeout=0s":              "--timeout",
		"status --wait=0s":                "--wait",
		"dead redrive":                    "name the dead letters",
		"dead redrive 5-9f3a21c4 --all":   "--all",
		"dead redrive 5":                  "5 is only the number of a dead letter",
		"dead discard 4-9f3a21c4 5":       "5 is only the number of a dead letter",
		"dead discard 5 --queue requests": "--queue",
		"reset":                           "--yes",
		"setup --replicas=2":              "replicas",
		"pause":                           "queue",
		"pause ORDERS":                    `"ORDERS"; there are REQUESTS, RESPONSES, RECEIPTS`,
		"resume orders":                   `"orders"; there are REQUESTS, RESPONSES, RECEIPTS`,
		"pause requests --for=0s":         "--for",
		"dead list --queue=TYPO":          `"TYPO"; there are REQUESTS`,
		"dead redrive --all --queue=":     `""; there are REQUESTS`,
		"dead discard --all --queue=X":    `"X"; there are REQUESTS`,
		"status --nats-url=http://x/":     "--nats-url",
	} {
		var out, err output
		code := execute(t.Context(), strings.Fields(args), &out, &err)
		require.Equal(t, exitUsage, code, "%q: %s%s", args, out.String(), err.String())
		require.Contains(t, err.String(), named, "%q", args)
	}
}
