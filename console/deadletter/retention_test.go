package deadletter_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/setup"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

const keep = time.Second

func forgetful(s *topology.Settings) { s.Keep = keep }

// plantLetter stores a dead letter of a request, published when it says.
func plantLetter(t *testing.T, b *testbed.Bed, body string, published time.Time) deadletter.Message {
	t.Helper()
	ack, err := b.JS.PublishMsg(b.Context(), &nats.Msg{
		Subject: "dead.REQUESTS.planted", Data: []byte(body),
		Header: nats.Header{"Dead-Subject": {topology.SubjectRequest}, "Dead-Published": {published.UTC().Format(time.RFC3339Nano)}},
	})
	require.NoError(t, err)
	letter, err := open(t, b).Get(b.Context(), ack.Sequence)
	require.NoError(t, err)
	return letter
}

func request() (id, body string) {
	id = contract.NewID()
	return id, `{"id":"` + id + `"}`
}

// awaitExpiry waits until something that a ledger held has expired.
func awaitExpiry(b *testbed.Bed) {
	b.Keep(topology.Asked, ledger.Entry{ID: contract.NewID()})
	b.Eventually(func() bool { return len(b.Entries(topology.Asked)) == 0 }, "the entry has expired")
}

func requireRefused(t *testing.T, b *testbed.Bed, letter deadletter.Message, why string) {
	t.Helper()
	l := open(t, b)
	before, waiting := len(list(t, b, l)), b.Messages(topology.Requests)
	err := l.Redrive(b.Context(), letter)
	require.ErrorIs(t, err, deadletter.ErrExpired)
	require.ErrorContains(t, err, "cannot redrive dead letter "+letter.ID)
	require.ErrorContains(t, err, why)
	require.ErrorContains(t, err, "--expired")
	require.Len(t, list(t, b, l), before, "it stays")
	require.Equal(t, waiting, b.Messages(topology.Requests), "nothing is published")

	require.NoError(t, l.RedriveExpired(b.Context(), letter))
	require.Len(t, list(t, b, l), before-1)
	require.Equal(t, waiting+1, b.Messages(topology.Requests))
}

func requireAllowed(t *testing.T, b *testbed.Bed, letter deadletter.Message) {
	t.Helper()
	require.NoError(t, open(t, b).Redrive(b.Context(), letter))
}

// The generator's entry of an old request may have expired, and then it would get
// a second string.
func TestRedrive_RefusesARequestOlderThanTheRetention(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, forgetful)
	id := b.PlantDead(1)[0]
	letter, err := open(t, b).Find(b.Context(), id)
	require.NoError(t, err)
	awaitExpiry(b)
	requireRefused(t, b, letter, "has entries since")
}

// A request that was redriven before has been in its queue for a short time only.
// That it is not recorded as asked, any more, is what tells.
func TestRedrive_RefusesARequestThatMayBeOlderThanItsMessage(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, forgetful)
	awaitExpiry(b)
	_, body := request()
	requireRefused(t, b, plantLetter(t, b, body, time.Now()), "not recorded as asked")
}

// Its publisher's word is not taken for when a request was published: it is not
// younger than its record, nor than its letter.
func TestRedrive_DoesNotTrustALettersWord(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, forgetful)
	id, body := request()
	letter := plantLetter(t, b, body, time.Now().Add(time.Hour))
	awaitExpiry(b)
	b.Keep(topology.Asked, ledger.Entry{ID: id})
	requireRefused(t, b, letter, "has entries since")
}

func TestRedrive_RefusesWhatHadExpiredBeforeTheRetentionWasMadeLonger(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, forgetful)
	id := b.PlantDead(1)[0]
	letter, err := open(t, b).Find(b.Context(), id)
	require.NoError(t, err)
	awaitExpiry(b)
	_, err = setup.Update(b.Context(), b.JS, topology.Settings{AckWait: time.Second, Keep: time.Hour})
	require.NoError(t, err)
	requireRefused(t, b, letter, "has entries since")

	id, body := request()
	b.Keep(topology.Asked, ledger.Entry{ID: id})
	requireAllowed(t, b, plantLetter(t, b, body, time.Now()))
}

// A ledger that was made after a request was published may have been deleted with
// an entry of it.
func TestRedrive_RefusesARequestOlderThanALedger(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id, body := request()
	b.Keep(topology.Asked, ledger.Entry{ID: id})
	requireRefused(t, b, plantLetter(t, b, body, time.Now().Add(-time.Hour)), "has entries since")
}

func TestRedrive_AllowsWhatTheLedgersStillHave(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]func(*topology.Settings){
		"for ever":                  func(*topology.Settings) {},
		"too young to have expired": func(s *topology.Settings) { s.Keep = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.Start(t, settings)
			id, body := request()
			b.Keep(topology.Asked, ledger.Entry{ID: id})
			requireAllowed(t, b, plantLetter(t, b, body, time.Now()))
			_, body = request() // an outside requestor records nothing
			requireAllowed(t, b, plantLetter(t, b, body, time.Now()))
		})
	}
}

// Nothing has been done for a message without an ID that a service accepts.
func TestRedrive_AllowsWhatNoLedgerCanHold(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, forgetful)
	awaitExpiry(b)
	for _, body := range []string{"", "not JSON", `{"id":"not an ID"}`} {
		requireAllowed(t, b, plantLetter(t, b, body, time.Now().Add(-time.Hour)))
	}
}
