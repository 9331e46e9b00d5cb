package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// note is a value with its ID.
type note struct{ id, text string }

var errCodec = errors.New("not a note of this ID")

// notes stores "<id>:<text>" under the ID.
type notes struct{}

func (notes) ID(n note) string { return n.id }

func (notes) EncodeEntry(n note) ([]byte, error) {
	if n.text == "" {
		return nil, errCodec
	}
	return []byte(n.id + ":" + n.text), nil
}

func (notes) DecodeEntry(id string, entry []byte) (note, error) {
	found, text, _ := strings.Cut(string(entry), ":")
	if found != id || text == "" {
		return note{found, text}, errCodec
	}
	return note{id, text}, nil
}

func TestTyped(t *testing.T) {
	t.Parallel()
	l := newStore(t, topology.Settings{}, brokertest.Start(t)).Open(t)
	typed := ledger.Of(l, "notes", notes{})
	_, err := l.PutIfAbsent(t.Context(), ledger.Entry{ID: "b", Value: []byte("b:first")}, ledger.Entry{ID: "c", Value: []byte("b:first")})
	require.NoError(t, err)

	kept, mismatched, err := typed.PutIfAbsent(t.Context(), note{"a", "mine"}, note{"b", "mine"}, note{"c", "mine"})
	require.NoError(t, err)
	require.Equal(t, []note{{"a", "mine"}, {"b", "first"}, {}}, kept)
	require.Len(t, mismatched, 1)
	require.ErrorIs(t, mismatched[2], ledger.ErrMismatch)
	require.ErrorIs(t, mismatched[2], errCodec)
	require.EqualError(t, mismatched[2], "ledger notes holds a bad entry under c: the entry does not match its ID: not a note of this ID")

	kept, mismatched, err = typed.PutIfAbsent(t.Context(), note{"b", "again"})
	require.NoError(t, err)
	require.Nil(t, mismatched)
	require.Equal(t, []note{{"b", "first"}}, kept)

	found, err := typed.Get(t.Context(), "a", "missing", "b")
	require.NoError(t, err)
	require.Equal(t, []note{{"a", "mine"}, {"b", "first"}}, found)
	_, err = typed.Get(t.Context(), "a", "c")
	require.ErrorIs(t, err, ledger.ErrMismatch)
	require.ErrorContains(t, err, "under c")
}

func TestTyped_StoresNothingIfAValueIsInvalid(t *testing.T) {
	t.Parallel()
	l := newStore(t, topology.Settings{}, brokertest.Start(t)).Open(t)
	_, _, err := ledger.Of(l, "notes", notes{}).PutIfAbsent(t.Context(), note{"a", "mine"}, note{"b", ""})
	require.ErrorIs(t, err, errCodec)
	require.ErrorContains(t, err, `cannot store "b" in ledger notes`)
	n, err := l.Count(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
}
