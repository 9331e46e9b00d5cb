package contract

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// goodTime has nanoseconds, so that losing them shows.
var goodTime = time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)

func TestNewMessagesAreValidAndInUTC(t *testing.T) {
	t.Parallel()
	// A real time has a location and a monotonic reading; neither may stay, or a
	// message would not equal itself after a trip through a queue.
	local := time.Now().In(time.FixedZone("somewhere", 5*60*60))

	request := NewRequest(local)
	require.NoError(t, request.Validate())
	require.Equal(t, local.UTC(), request.RequestedAt)
	require.Equal(t, time.UTC, request.RequestedAt.Location())
	require.NotEqual(t, request.ID, NewRequest(local).ID)

	response := NewResponse(request.ID, NewString(), local)
	require.NoError(t, response.Validate())
	require.Equal(t, request.ID, response.ID)
	require.Equal(t, local.UTC(), response.GeneratedAt)

	receipt := NewReceipt(request.ID, local)
	require.NoError(t, receipt.Validate())
	require.Equal(t, request.ID, receipt.ID)
	require.Equal(t, local.UTC(), receipt.ReceivedAt)
}

func TestValidateNamesTheFieldAndTheProblem(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		message interface{ Validate() error }
		want    string
	}{
		"request, zero":           {Request{}, "id is missing"},
		"request without time":    {Request{ID: goodID}, "requested_at is missing"},
		"request, bad ID":         {Request{ID: "7", RequestedAt: goodTime}, `id "7" is not a UUIDv7 in lower case`},
		"request in the year 12":  {Request{ID: goodID, RequestedAt: goodTime.AddDate(-2014, 0, 0)}, "requested_at is in the year 12, not in 1000 to 9999"},
		"response, zero":          {Response{}, "id is missing"},
		"response without string": {Response{ID: goodID, GeneratedAt: goodTime}, "string is missing"},
		"response, short string":  {Response{ID: goodID, String: "abc", GeneratedAt: goodTime}, "string has 3 characters, not 64"},
		"response, other letters": {Response{ID: goodID, String: "ab\ncd", GeneratedAt: goodTime}, `string has '\n' at byte 2, which is not one of a-z A-Z 0-9`},
		"response without time":   {Response{ID: goodID, String: goodString}, "generated_at is missing"},
		"response, bad ID":        {Response{ID: "7", String: goodString, GeneratedAt: goodTime}, `id "7" is not a UUIDv7 in lower case`},
		"receipt, zero":           {Receipt{}, "id is missing"},
		"receipt without time":    {Receipt{ID: goodID}, "received_at is missing"},
		"receipt, bad ID":         {Receipt{ID: "7", ReceivedAt: goodTime}, `id "7" is not a UUIDv7 in lower case`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.message.Validate()
			require.ErrorIs(t, err, ErrInvalid)
			require.EqualError(t, err, "invalid message: "+test.want)
		})
	}
}

func TestValidateTime(t *testing.T) {
	t.Parallel()
	east, west := time.FixedZone("", 60*60), time.FixedZone("", -60*60)
	for name, test := range map[string]struct {
		at    time.Time
		valid bool
	}{
		"now":                            {time.Now(), true},
		"an hour ahead":                  {time.Now().Add(time.Hour), true},
		"a century ahead":                {time.Now().AddDate(100, 0, 0), true},
		"1970":                           {time.Unix(0, 0), true},
		"first":                          {time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC), true},
		"last":                           {time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), true},
		"zero":                           {time.Time{}, false},
		"zero, elsewhere":                {time.Time{}.In(east), false},
		"too early":                      {time.Date(999, 12, 31, 23, 59, 59, 0, time.UTC), false},
		"too late":                       {time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), false},
		"before Christ":                  {time.Date(-44, 3, 15, 0, 0, 0, 0, time.UTC), false},
		"last year here, too late UTC":   {time.Date(9999, 12, 31, 23, 30, 0, 0, west), true},
		"first year here, too early UTC": {time.Date(1000, 1, 1, 0, 30, 0, 0, east), true},
		"far":                            {time.Unix(math.MaxInt64/2, 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := validateTime("requested_at", test.at)
			if test.valid {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, "requested_at ")
		})
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"short":         {"abc", `"abc"`},
		"empty":         {"", `""`},
		"quotes":        {`say "a"`, `"say \"a\""`},
		"more lines":    {"a\r\nNats-Rollup: all", `"a\r\nNats-Rollup: all"`},
		"terminal":      {"\x1b[2J", `"\x1b[2J"`},
		"bidirectional": {"a\u202eb", `"a\u202eb"`},
		"looks right":   {"\u0430\uff11", `"\u0430\uff11"`},
		"not UTF-8":     {"\xff", `"\xff"`},
		"just fits":     {strings.Repeat("a", 64), `"` + strings.Repeat("a", 64) + `"`},
		"long":          {strings.Repeat("a", 65), `"` + strings.Repeat("a", 64) + `"...`},
		"cut in a rune": {strings.Repeat("a", 63) + "é", `"` + strings.Repeat("a", 63) + `\xc3"...`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, quote(test.text))
		})
	}
}
