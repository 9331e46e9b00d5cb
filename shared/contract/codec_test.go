package contract

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	now := time.Now()
	roundTrip(t, Requests, NewRequest(now))
	roundTrip(t, Responses, NewResponse(NewID(), NewString(), now))
	roundTrip(t, Receipts, NewReceipt(NewID(), now))
	roundTrip(t, Requests, NewRequest(now.AddDate(1000, 0, 0)))
	roundTrip(t, Requests, NewRequest(goodTime.Truncate(time.Second)))
}

func roundTrip[T Body](t *testing.T, codec Codec[T], message T) {
	t.Helper()
	header, body, err := codec.Encode(message)
	require.NoError(t, err)
	decoded, err := codec.Decode(header, body)
	require.NoError(t, err)
	require.Equal(t, message, decoded)
	require.Equal(t, codec.ID(message), codec.ID(decoded))
}

// What is stored in queues must stay readable for longer than a release lives,
// so that its bytes are fixed here.
func TestEncodedBytes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		encode func() (map[string][]string, []byte, error)
		body   string
	}{
		"request": {
			func() (map[string][]string, []byte, error) {
				return Requests.Encode(Request{ID: goodID, RequestedAt: goodTime})
			},
			`{"id":"01980a5e-6f3c-7b21-9c44-5d1f0e8a7b36","requested_at":"2026-01-02T03:04:05.678901234Z"}`,
		},
		"response": {
			func() (map[string][]string, []byte, error) {
				return Responses.Encode(Response{ID: goodID, String: goodString, GeneratedAt: goodTime})
			},
			`{"id":"01980a5e-6f3c-7b21-9c44-5d1f0e8a7b36","string":"kT3v9QzLw0aXbN7RcEyU5mJ2sHfGdP8oIiWn1VqKxZtB4uC6lMrYgShDjFeApO0k","generated_at":"2026-01-02T03:04:05.678901234Z"}`,
		},
		"receipt": {
			func() (map[string][]string, []byte, error) {
				return Receipts.Encode(Receipt{ID: goodID, ReceivedAt: goodTime})
			},
			`{"id":"01980a5e-6f3c-7b21-9c44-5d1f0e8a7b36","received_at":"2026-01-02T03:04:05.678901234Z"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header, body, err := test.encode()
			require.NoError(t, err)
			require.Equal(t, test.body, string(body))
			require.Empty(t, header, "version 1 in JSON needs none")
		})
	}
}

func TestEncodeWritesUTC(t *testing.T) {
	t.Parallel()
	// Half past midnight on New Year's Day in the east is still last year.
	at := time.Date(2026, 1, 1, 0, 30, 0, 0, time.FixedZone("", 60*60))
	message := Receipt{ID: goodID, ReceivedAt: at}
	_, body, err := Receipts.Encode(message)
	require.NoError(t, err)
	require.Contains(t, string(body), `"received_at":"2025-12-31T23:30:00Z"`)
	require.Equal(t, at, message.ReceivedAt, "the caller's message was changed")
}

func TestEncodeRefusesWhatDecodeWould(t *testing.T) {
	t.Parallel()
	for name, id := range badIDs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header, body, err := Requests.Encode(Request{ID: id, RequestedAt: goodTime})
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, "cannot encode request: invalid message: id ")
			require.Nil(t, header)
			require.Nil(t, body)
		})
	}
	_, _, err := Responses.Encode(Response{ID: goodID, GeneratedAt: goodTime})
	require.EqualError(t, err, "cannot encode response: invalid message: string is missing")
	_, _, err = Receipts.Encode(Receipt{ID: goodID})
	require.EqualError(t, err, "cannot encode receipt: invalid message: received_at is missing")
}

func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		for name, body := range k.goodBodies() {
			t.Run(k.name+", "+name, func(t *testing.T) {
				t.Parallel()
				id, _, err := k.decode(headerOf(k.schema), []byte(body))
				require.NoError(t, err)
				require.NoError(t, ValidateID(id))
			})
		}
	}
}

func TestDecodeReadsOffsetsIntoUTC(t *testing.T) {
	t.Parallel()
	body := `{"id":"` + goodID + `","requested_at":"2026-01-02T12:34:05.678901234+09:30"}`
	request, err := Requests.Decode(headerOf(SchemaRequest), []byte(body))
	require.NoError(t, err)
	require.Equal(t, Request{ID: goodID, RequestedAt: goodTime}, request)
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		for name, test := range k.badBodies() {
			t.Run(k.name+", "+name, func(t *testing.T) {
				t.Parallel()
				id, more, err := k.decode(headerOf(k.schema), []byte(test.body))
				require.ErrorIs(t, err, ErrInvalid)
				require.ErrorContains(t, err, "cannot decode "+k.name+": ")
				require.ErrorContains(t, err, test.says)
				requireTame(t, err)

				require.False(t, more, "more than the ID was returned")
				if test.id {
					require.Equal(t, goodID, id)
				} else {
					require.Empty(t, id)
				}
			})
		}
	}
}

// A message on the wrong queue, or of a version to come, is filed under its ID
// although nothing else of it is understood.
func TestDecodeRefusesByHeaders(t *testing.T) {
	t.Parallel()
	next := []byte(`{"version":2,"id":"` + goodID + `","string":["a","b"],"requested_at":5,"generated_at":5}`)
	for name, test := range map[string]struct {
		header map[string][]string
		says   string
	}{
		"another kind":      {headerOf(SchemaRequest), "another kind of message"},
		"a version to come": {headerOf("decoupled.response.v2"), "unknown major version"},
		"not JSON":          {map[string][]string{HeaderContentType: {"application/protobuf"}}, "Content-Type is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := Responses.Decode(test.header, next)
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, test.says)
			require.Equal(t, Response{ID: goodID}, response)

			for _, body := range []string{"", "please", "{", "\xff", `{"id":5}`, `{"id":"5"}`} {
				response, err := Responses.Decode(test.header, []byte(body))
				require.ErrorContains(t, err, test.says, "the headers are judged first")
				require.Zero(t, response)
			}
		})
	}
}

// A kind that lacks its fields is told from another without a header.
func TestDecode_DistinguishesKindsWithoutHeaders(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		_, _, err := k.decode(nil, []byte(k.good()))
		require.NoError(t, err)
		for _, other := range kinds() {
			if other.name != k.name {
				_, _, err := other.decode(nil, []byte(k.good()))
				require.ErrorContains(t, err, " is missing", "%s as %s", k.name, other.name)
			}
		}
	}
}

// The ID under which a dead letter is filed is the first.
func TestDecode_ReturnsTheFirstOfDuplicateIDs(t *testing.T) {
	t.Parallel()
	receipt, err := Receipts.Decode(nil, []byte(`{"id":"`+goodID+`","id":"`+NewID()+`"}`))
	require.ErrorIs(t, err, ErrInvalid)
	require.Equal(t, Receipt{ID: goodID}, receipt)
}

// Not parallel, because it counts what the whole process allocates.
//
//nolint:paralleltest // as said
func TestDecodeAllocatesInProportionToTheBody(t *testing.T) {
	const size = 128 << 10
	fill := func(before, repeat, after string) []byte {
		return []byte(before + strings.Repeat(repeat, (size-len(before)-len(after))/len(repeat)) + after)
	}
	header := headerOf(SchemaResponse)
	for name, body := range map[string][]byte{
		"a long string":      fill(`{"id":"`+goodID+`","string":"`, `a`, `"}`),
		"a long ID":          fill(`{"id":"`, `a`, `"}`),
		"a long time":        fill(`{"generated_at":"`, `2`, `"}`),
		"a long number":      fill(`{"id":`, `9`, `}`),
		"escapes":            fill(`{"id":"`, `\u00e9`, `"}`),
		"not UTF-8":          fill(`{"id":"`, "\xff", `"}`),
		"wrong types":        fill(`{`, `"id":5,`, `"id":5}`),
		"wrong values":       fill(`{`, `"id":"5",`, `"id":"5"}`),
		"unknown fields":     fill(`{`, `"":{},`, `"id":"5"}`),
		"brackets":           fill(``, `[`, ``),
		"messages in a line": fill(``, `{"id":"`+goodID+`"}`, ``),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Responses.Decode(header, body)
		runtime.ReadMemStats(&after)
		require.Error(t, err)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64*size), name)
	}
}

func TestMessagesMarshalLikeTheirCodec(t *testing.T) {
	t.Parallel()
	// Whoever prints a message with encoding/json sees what is in the queue.
	response := NewResponse(NewID(), NewString(), time.Now())
	_, body, err := Responses.Encode(response)
	require.NoError(t, err)
	plain, err := json.Marshal(response)
	require.NoError(t, err)
	require.Equal(t, string(plain), string(body))
}

// headerOf returns the headers of a message that says what it is.
func headerOf(schema string) map[string][]string {
	return map[string][]string{HeaderContentType: {ContentType}, HeaderSchema: {schema}}
}
