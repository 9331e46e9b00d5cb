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
	require.ErrorContains(t, err, "bears another ID")
	require.ErrorContains(t, err, goodID)
	for _, value := range []string{"", "\xff", "{", "7", "{}", string(entry) + "x", `{"id":"` + goodID + `"}`} {
		_, err := Requests.DecodeEntry(goodID, []byte(value))
		require.ErrorIs(t, err, ErrInvalid, "%q", value)
	}
}

func TestIDOf(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"id":"one","string":7}`: "one", `{"id":"one"} and more`: "one",
		`{"id":7}`: "", `{}`: "", `[]`: "", "": "", `{"id":"one"`: "one", `{"id":"on`: "", `{"ID":"one"}`: "",
	} {
		require.Equal(t, want, IDOf([]byte(body)), body)
	}
}
