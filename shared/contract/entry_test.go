package contract

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEntry(t *testing.T) {
	t.Parallel()
	response := Response{ID: goodID, String: goodString, GeneratedAt: goodTime}
	entry, err := Responses.EncodeEntry(response)
	require.NoError(t, err)
	_, body, err := Responses.Encode(response)
	require.NoError(t, err)
	require.Equal(t, string(body), string(entry), "an entry is a message's body")
	decoded, err := Responses.DecodeEntry(goodID, entry)
	require.NoError(t, err)
	require.Equal(t, response, decoded)
}

func TestEncodeEntry_RefusesAnInvalidMessage(t *testing.T) {
	t.Parallel()
	_, err := Responses.EncodeEntry(Response{ID: goodID, String: "short", GeneratedAt: goodTime})
	require.ErrorIs(t, err, ErrInvalid)
}

func TestDecodeEntry_RefusesWhatIsNotTheMessageOfItsID(t *testing.T) {
	t.Parallel()
	entry, err := Requests.EncodeEntry(Request{ID: goodID, RequestedAt: goodTime})
	require.NoError(t, err)
	other := NewID()
	_, err = Requests.DecodeEntry(other, entry)
	require.ErrorIs(t, err, ErrOtherID)
	require.ErrorContains(t, err, goodID)
	for value, want := range map[string]error{
		"": ErrEmpty, "\xff": ErrNotUTF8, "{": ErrNotJSON, "7": ErrWrongType, "{}": ErrInvalid, string(entry) + "x": ErrTrailingData,
		`{"id":"` + goodID + `"}`: ErrInvalid,
	} {
		_, err := Requests.DecodeEntry(goodID, []byte(value))
		require.ErrorIs(t, err, want, "%q", value)
	}
}

func TestIDOf(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"id":"one","string":7}`: "one", `{"id":"one"} and more`: "one",
		`{"id":7}`: "", `{}`: "", `[]`: "", "": "", `{"id":"one"`: "",
	} {
		require.Equal(t, want, IDOf([]byte(body)), body)
	}
}
