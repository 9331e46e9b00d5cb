package contract

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// To search for longer than the seeds take:
//
//	go test ./contract -run '^$' -fuzz FuzzDecodeRequest -fuzztime 1m

func FuzzDecodeRequest(f *testing.F)  { fuzzDecode(f, kinds()[0], Requests) }
func FuzzDecodeResponse(f *testing.F) { fuzzDecode(f, kinds()[1], Responses) }
func FuzzDecodeReceipt(f *testing.F)  { fuzzDecode(f, kinds()[2], Receipts) }

// fuzzDecode checks what Decode promises for whatever a message contains.
func fuzzDecode[T Body](f *testing.F, k kind, codec Codec[T]) {
	f.Helper()
	// In a fixed order, because seeds are told by their number.
	bodies := k.goodBodies()
	for name, bad := range k.badBodies() {
		bodies["bad: "+name] = bad.body
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		if len(bodies[name]) < 1000 { // the fuzzer is slow with large seeds
			f.Add(k.schema, ContentType, []byte(bodies[name]))
		}
	}
	f.Add("", "", []byte(k.good()))
	f.Add("decoupled."+k.name+".v2", ContentType, []byte(k.good()))
	f.Add(SchemaRequest, ContentType, []byte(k.good()))
	f.Add(SchemaResponse, "application/json; charset=utf-8", []byte(k.good()))
	f.Add(SchemaReceipt, "text/plain", []byte(k.good()))

	f.Fuzz(func(t *testing.T, schema, contentType string, body []byte) {
		fuzzed := map[string][]string{HeaderSchema: {schema}, HeaderContentType: {contentType}}
		for _, header := range []map[string][]string{fuzzed, nil} {
			message, err := codec.Decode(header, body)
			if err != nil {
				requireTame(t, err)
				require.ErrorIs(t, err, ErrInvalid)

				// At most the ID is returned, and only a valid one.
				id, _ := codec.fields(&message)
				if *id != "" {
					require.NoError(t, ValidateID(*id))
				}
				*id = ""
				require.Zero(t, message)
				continue
			}
			require.NoError(t, message.Validate())
			encodedHeader, encoded, err := codec.Encode(message)
			require.NoError(t, err)
			again, err := codec.Decode(encodedHeader, encoded)
			require.NoError(t, err)
			require.Equal(t, message, again)
		}
	})
}
