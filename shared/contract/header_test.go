package contract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewHeaderIsMadeForEachCall(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"Content-Type":     {"application/json"},
		"Decoupled-Schema": {"decoupled.request.v1"},
	}
	header := newHeader(SchemaRequest)
	require.Equal(t, want, header)

	// Whatever a caller does to one changes neither another nor itself elsewhere.
	header[HeaderContentType] = append(header[HeaderContentType], "text/plain")
	require.Equal(t, []string{SchemaRequest}, header[HeaderSchema])
	header[HeaderSchema][0] = "changed"
	header["Nats-Msg-Id"] = []string{goodID}
	require.Equal(t, want, newHeader(SchemaRequest))
}

func TestCheckHeaderAccepts(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]map[string][]string{
		"what Encode makes":   newHeader(SchemaRequest),
		"charset":             {HeaderContentType: {"application/json; charset=utf-8"}, HeaderSchema: {SchemaRequest}},
		"no space":            {HeaderContentType: {"application/json;charset=UTF-8"}, HeaderSchema: {SchemaRequest}},
		"any letter case":     {HeaderContentType: {"Application/JSON"}, HeaderSchema: {SchemaRequest}},
		"malformed parameter": {HeaderContentType: {"application/json;"}, HeaderSchema: {SchemaRequest}},
		"the first counts":    {HeaderContentType: {ContentType, "text/plain"}, HeaderSchema: {SchemaRequest, SchemaReceipt}},
		"others beside": {
			HeaderContentType: {ContentType}, HeaderSchema: {SchemaRequest},
			"Nats-Msg-Id": {"1"}, "Nats-Expected-Stream": {"NONE"}, "traceparent": nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, checkHeader(header, SchemaRequest))
		})
	}
}

func TestCheckHeaderRefuses(t *testing.T) {
	t.Parallel()
	with := func(schema ...string) map[string][]string {
		return map[string][]string{HeaderContentType: {ContentType}, HeaderSchema: schema}
	}
	of := func(contentType ...string) map[string][]string {
		return map[string][]string{HeaderContentType: contentType, HeaderSchema: {SchemaRequest}}
	}
	for name, test := range map[string]struct {
		header map[string][]string
		want   error
		text   string
	}{
		"no headers": {
			nil, ErrNoSchema,
			`no schema: the header Decoupled-Schema is missing, not "decoupled.request.v1"`,
		},
		"no schema":           {with(), ErrNoSchema, ""},
		"empty schema":        {with(""), ErrNoSchema, ""},
		"empty schema first":  {with("", SchemaRequest), ErrNoSchema, ""},
		"schema in lower key": {map[string][]string{HeaderContentType: {ContentType}, "decoupled-schema": {SchemaRequest}}, ErrNoSchema, ""},
		"response": {
			with(SchemaResponse), ErrOtherSchema,
			`another kind of message: Decoupled-Schema is "decoupled.response.v1", not "decoupled.request.v1"`,
		},
		"receipt":             {with(SchemaReceipt), ErrOtherSchema, ""},
		"another project":     {with("orders.request.v1"), ErrOtherSchema, ""},
		"upper case":          {with("Decoupled.Request.V1"), ErrOtherSchema, ""},
		"no version":          {with("decoupled.request"), ErrOtherSchema, ""},
		"empty version":       {with("decoupled.request.v"), ErrOtherSchema, ""},
		"version in words":    {with("decoupled.request.vnext"), ErrOtherSchema, ""},
		"minor version":       {with("decoupled.request.v1.1"), ErrOtherSchema, ""},
		"space after":         {with("decoupled.request.v1 "), ErrOtherSchema, ""},
		"response, version 2": {with("decoupled.response.v2"), ErrOtherSchema, ""},
		"version 2": {
			with("decoupled.request.v2"), ErrUnknownVersion,
			`unknown major version: Decoupled-Schema is "decoupled.request.v2", and only v1 is known here`,
		},
		"version 0":    {with("decoupled.request.v0"), ErrUnknownVersion, ""},
		"version 10":   {with("decoupled.request.v10"), ErrUnknownVersion, ""},
		"version huge": {with("decoupled.request.v" + strings.Repeat("9", 100_000)), ErrUnknownVersion, ""},
		"schema huge":  {with(strings.Repeat("\n", 100_000)), ErrOtherSchema, ""},
		"no content type": {
			of(), ErrContentType,
			`wrong content type: the header Content-Type is missing, not "application/json"`,
		},
		"plain text": {
			of("text/plain"), ErrContentType,
			`wrong content type: Content-Type is "text/plain", not "application/json"`,
		},
		"JSON lines":           {of("application/jsonl"), ErrContentType, ""},
		"another kind of JSON": {of("application/problem+json"), ErrContentType, ""},
		"only a parameter":     {of("; charset=utf-8"), ErrContentType, ""},
		"content type huge":    {of(strings.Repeat("\x1b", 100_000)), ErrContentType, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkHeader(test.header, SchemaRequest)
			require.ErrorIs(t, err, test.want)
			requireTame(t, err)
			if test.text != "" {
				require.EqualError(t, err, test.text)
			}
		})
	}
}
