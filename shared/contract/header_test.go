package contract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckHeaderAccepts(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]map[string][]string{
		"all of them":         headerOf(SchemaRequest),
		"none":                nil,
		"only a schema":       {HeaderSchema: {SchemaRequest}},
		"only a content type": {HeaderContentType: {ContentType}},
		"of others":           {"traceparent": {"00-1-2-01"}, "decoupled-schema": {"another name"}},
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
		text   string
	}{
		"empty schema":       {with(""), ""},
		"empty schema first": {with("", SchemaRequest), ""},
		"response": {
			with(SchemaResponse),
			`invalid message: another kind of message: Decoupled-Schema is "decoupled.response.v1", not "decoupled.request.v1"`,
		},
		"receipt":             {with(SchemaReceipt), ""},
		"another project":     {with("orders.request.v1"), ""},
		"upper case":          {with("Decoupled.Request.V1"), ""},
		"no version":          {with("decoupled.request"), ""},
		"empty version":       {with("decoupled.request.v"), ""},
		"version in words":    {with("decoupled.request.vnext"), ""},
		"minor version":       {with("decoupled.request.v1.1"), ""},
		"space after":         {with("decoupled.request.v1 "), ""},
		"response, version 2": {with("decoupled.response.v2"), ""},
		"version 2": {
			with("decoupled.request.v2"),
			`invalid message: unknown major version: Decoupled-Schema is "decoupled.request.v2", and only v1 is known here`,
		},
		"version 0":          {with("decoupled.request.v0"), ""},
		"version 10":         {with("decoupled.request.v10"), ""},
		"version huge":       {with("decoupled.request.v" + strings.Repeat("9", 100_000)), ""},
		"schema huge":        {with(strings.Repeat("\n", 100_000)), ""},
		"empty content type": {of(""), ""},
		"plain text": {
			of("text/plain"),
			`invalid message: Content-Type is "text/plain", not "application/json"`,
		},
		"JSON lines":           {of("application/jsonl"), ""},
		"another kind of JSON": {of("application/problem+json"), ""},
		"only a parameter":     {of("; charset=utf-8"), ""},
		"content type huge":    {of(strings.Repeat("\x1b", 100_000)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkHeader(test.header, SchemaRequest)
			require.ErrorIs(t, err, ErrInvalid)
			requireTame(t, err)
			if test.text != "" {
				require.EqualError(t, err, test.text)
			}
		})
	}
}
