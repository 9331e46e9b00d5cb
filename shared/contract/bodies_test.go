package contract

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// The bodies in this file are tried on Decode and on the schemas of asyncapi.yaml
// alike: both have to accept the good ones and refuse the bad ones.

// kind is one of the three messages, for tests that are the same for all.
type kind struct {
	name   string // in asyncapi.yaml and in errors
	schema string
	fields []field

	// decode returns the ID of the message that Decode returned, and whether
	// anything but the ID is set in it.
	decode func(header map[string][]string, body []byte) (id string, more bool, err error)
}

// field is a field of a message with values in JSON. The bad ones are of the
// right JSON type, which is string for all; they are listed by what is wrong.
type field struct {
	name string
	good []string
	bad  map[string]string
}

func kinds() []kind {
	return []kind{
		kindOf("request", SchemaRequest, Requests, idField(), timeField("requested_at")),
		kindOf("response", SchemaResponse, Responses, idField(), stringField(), timeField("generated_at")),
		kindOf("receipt", SchemaReceipt, Receipts, idField(), timeField("received_at")),
	}
}

func kindOf[T Body](name, schema string, codec Codec[T], fields ...field) kind {
	return kind{name, schema, fields, func(header map[string][]string, body []byte) (string, bool, error) {
		message, err := codec.Decode(header, body)
		id := codec.ID(message)
		field, _ := codec.fields(&message)
		*field = ""
		var zero T
		return id, message != zero, err
	}}
}

func idField() field {
	f := field{name: "id", bad: map[string]string{}, good: []string{
		`"` + goodID + `"`,
		`"ffffffff-ffff-7fff-bfff-ffffffffffff"`,
		`"\u0030` + goodID[1:] + `"`, // an escape that nobody needs
	}}
	for name, id := range badIDs() {
		f.bad[name] = quoteJSON(id)
	}
	return f
}

func stringField() field {
	f := field{name: "string", bad: map[string]string{}, good: []string{
		`"` + goodString + `"`,
		`"` + strings.Repeat("0", StringLength) + `"`,
	}}
	for name, s := range badStrings() {
		f.bad[name] = quoteJSON(s)
	}
	return f
}

func timeField(name string) field {
	return field{
		name: name,
		good: []string{
			`"2026-01-02T03:04:05.678901234Z"`,
			`"2026-01-02T03:04:05Z"`,
			`"2024-02-29T23:59:59.9Z"`,
			`"2026-01-02T03:04:05+00:00"`,
			`"2026-01-02T03:04:05.5-09:30"`,
			`"2026-01-02T03:04:05.0123456789012345678901234567890Z"`,
			`"1970-01-01T00:00:00Z"`,
			`"1000-01-01T00:00:00Z"`,
			`"9999-12-31T23:59:59.999999999Z"`, // the future is no error
			`"9999-12-31T23:59:59-01:00"`,      // the year 10000 in UTC
			`"1000-01-01T00:00:00+01:00"`,
			`"2026-01-02T03:04:05\u002b01:00"`,
			`"2026-01-02T03:04:05+23:59"`,
		},
		bad: map[string]string{
			"empty":           `""`,
			"a word":          `"now"`,
			"seconds":         `"1767323045"`,
			"no time of day":  `"2026-01-02"`,
			"no date":         `"03:04:05Z"`,
			"no T":            `"2026-01-02 03:04:05Z"`,
			"lower case":      `"2026-01-02t03:04:05z"`,
			"no zone":         `"2026-01-02T03:04:05"`,
			"no digits":       `"2026-01-02T03:04:05.Z"`,
			"no seconds":      `"2026-01-02T03:04Z"`,
			"no colon":        `"2026-01-02T03:04:05+0100"`,
			"no such offset":  `"2026-01-02T03:04:05+25:00"`,
			"offset of a day": `"2026-01-02T03:04:05+24:00"`,
			"hour, one digit": `"2026-01-02T3:04:05Z"`,
			"decimal comma":   `"2026-01-02T03:04:05,5Z"`,
			"no such day":     `"2026-02-29T03:04:05Z"`,
			"no such month":   `"2026-13-01T03:04:05Z"`,
			"no such hour":    `"2026-01-02T24:00:00Z"`,
			"a leap second":   `"2016-12-31T23:59:60Z"`,
			"five digits":     `"10000-01-01T00:00:00Z"`,
			"a sign":          `"+2026-01-02T03:04:05Z"`,
			"zero, of Go":     `"0001-01-01T00:00:00Z"`,
			"zero, of others": `"0000-00-00T00:00:00Z"`,
			"the year 999":    `"0999-12-31T23:59:59Z"`,
			"space before":    `" 2026-01-02T03:04:05Z"`,
			"newline after":   `"2026-01-02T03:04:05Z\n"`,
			"zone twice":      `"2026-01-02T03:04:05Z (UTC)"`,
			"wide digit":      `"２026-01-02T03:04:05Z"`,
			"huge":            `"` + strings.Repeat("2", 100_000) + `"`,
		},
	}
}

// wrongTypes are JSON values that no field may have.
var wrongTypes = map[string]string{
	"a number":       `5`,
	"a float":        `-0.5e-9`,
	"a float, huge":  `1e999999`,
	"a number, huge": strings.Repeat("9", 10_000),
	"true":           `true`,
	"false":          `false`,
	"an array":       `[]`,
	"an object":      `{}`,
	"an ID in one":   `["` + goodID + `"]`,
	"a message":      `{"id":"` + goodID + `"}`,
	"deep":           strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000),
}

// good returns the body of a valid message.
func (k kind) good() string { return k.with("", "") }

// with returns the body of a valid message in which one field has another value;
// an empty value leaves the field out.
func (k kind) with(name, value string) string {
	var members []string
	for _, f := range k.fields {
		v := f.good[0]
		if f.name == name {
			v = value
		}
		if v != "" {
			members = append(members, `"`+f.name+`":`+v)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

// goodBodies are bodies to be accepted, by what is special about them.
func (k kind) goodBodies() map[string]string {
	open := strings.TrimSuffix(k.good(), "}")
	bodies := map[string]string{
		"plain":                           k.good(),
		"space around":                    " \r\n\t" + k.good() + "\n",
		"space inside":                    strings.ReplaceAll(k.good(), `":"`, "\" :\n\""),
		"unknown field":                   open + `,"priority":7}`,
		"a name in upper case is another": open + `,"ID":7}`,
		"unknown, of others":              open + `,"reply_to":{"ID":[1,{"string":null}]}}`,
		"unknown, first":                  `{"x":"` + strings.Repeat("é", 1000) + `",` + k.good()[1:],
		"unknown, empty":                  open + `,"":""}`,
		"unknown, number":                 open + `,"n":` + strings.Repeat("9", 10_000) + `}`,
		"unknown, float":                  open + `,"n":1e999999}`,
		"unknown, deep":                   open + `,"n":` + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000) + `}`,
		"name in escapes":                 strings.Replace(k.good(), `"id"`, `"\u0069d"`, 1),
	}
	if k.name != "response" {
		bodies["a field of another kind"] = open + `,"string":5}`
	}
	for _, f := range k.fields {
		for _, value := range f.good {
			bodies[f.name+" "+value] = k.with(f.name, value)
		}
	}
	return bodies
}

// badBody is a body to be refused.
type badBody struct {
	body string
	says string // in the error's text
	id   bool   // whether the valid ID in it can be told
}

// badBodies are bodies to be refused, by what is wrong with them.
func (k kind) badBodies() map[string]badBody {
	good := k.good()
	last := k.fields[len(k.fields)-1].name
	bodies := map[string]badBody{
		"empty":              {"", "the body is empty", false},
		"only space":         {" \n", "not JSON", false},
		"text":               {"please", "not JSON", false},
		"binary":             {"\x00\x01\x02\x03", "not JSON", false},
		"XML":                {"<request/>", "not JSON", false},
		"byte order mark":    {"\uFEFF" + good, "not JSON", false},
		"cut off":            {good[:len(good)-1], "not JSON", true},
		"cut in the middle":  {good[:len(good)/2], "not JSON", true},
		"single quotes":      {strings.ReplaceAll(good, `"`, `'`), "not JSON", false},
		"comma at the end":   {strings.TrimSuffix(good, "}") + ",}", "not JSON", true},
		"comment":            {"/* */" + good, "not JSON", false},
		"NaN":                {k.with(last, "NaN"), "not JSON", true},
		"control character":  {k.with(last, "\"\n\""), "not JSON", true},
		"too deep":           {strings.Repeat("[", 60_000) + strings.Repeat("]", 60_000), "the body is a JSON array", false},
		"too deep, unclosed": {strings.Repeat(`{"id":`, 20_000), "not JSON", false},
		"too deep in a field": {
			strings.TrimSuffix(good, "}") + `,"n":` + strings.Repeat("[", 60_000) + strings.Repeat("]", 60_000) + "}",
			"not JSON", true,
		},

		"not UTF-8":           {"\xff\xfe", "not JSON at byte", false},
		"not UTF-8, ID":       {k.with("id", "\""+goodID[:35]+"\xff\""), "invalid UTF-8", false},
		"not UTF-8, time":     {k.with(last, "\"2026\xff\""), "invalid UTF-8", true},
		"not UTF-8, unknown":  {strings.TrimSuffix(good, "}") + ",\"x\":\"\xc3\x28\"}", "invalid UTF-8", true},
		"not UTF-8, name":     {strings.TrimSuffix(good, "}") + ",\"\xed\xa0\x80\":1}", "invalid UTF-8", true},
		"not UTF-8, UTF-16":   {"{\x00\"\x00i\x00d\x00\"\x00:\x00\xd8\x00", "not JSON at byte", false},
		"not UTF-8, trailing": {good + "\xff", "not JSON at byte", true},

		"two messages":    {good + good, "after top-level value", true},
		"two lines":       {good + "\n" + good, "after top-level value", true},
		"a bracket":       {good + "}", "after top-level value", true},
		"NUL after":       {good + "\x00", "after top-level value", true},
		"text after":      {good + " please", "after top-level value", true},
		"null, then more": {"null" + good, "after top-level value", false},

		"number":  {"5", "the body is a JSON number, not an object", false},
		"string":  {`"` + goodID + `"`, "the body is a JSON string, not an object", false},
		"boolean": {"true", "the body is a JSON boolean, not an object", false},
		"array":   {"[" + good + "]", "the body is a JSON array, not an object", false},
		"no end of a number": {
			strings.Repeat("9", 100_000), "the body is a JSON number, not an object", false,
		},

		"null":                   {"null", "id is missing", false},
		"empty object":           {"{}", "id is missing", false},
		"names in upper case":    {strings.ToUpper(good), "id is missing", false},
		"duplicate name":         {strings.TrimSuffix(good, "}") + `,"` + last + `":"x"}`, "duplicate object member name", true},
		"duplicate ID":           {`{"id":"` + goodID + `",` + good[1:], "duplicate object member name", true},
		"duplicate unknown name": {strings.TrimSuffix(good, "}") + `,"x":1,"x":1}`, "duplicate object member name", true},
		"ID one level down": {
			`{"` + k.name + `":` + good + `}`, "id is missing", false,
		},
	}
	for _, f := range k.fields {
		readable := f.name != "id"
		bodies["no "+f.name] = badBody{k.with(f.name, ""), f.name + " is missing", readable}
		bodies["null "+f.name] = badBody{k.with(f.name, "null"), f.name + " is missing", readable}
		for name, value := range wrongTypes {
			bodies[f.name+": "+name] = badBody{
				k.with(f.name, value), f.name + " is a JSON ", readable,
			}
		}
		for name, value := range f.bad {
			bodies[f.name+": "+name] = badBody{
				k.with(f.name, value), f.name + " ", readable,
			}
		}
	}
	return bodies
}

// quoteJSON returns a string as JSON, byte for byte as far as JSON can.
func quoteJSON(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r < ' ' {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}

// requireTame demands of an error that it fits into a log, a header and on a
// terminal, whatever was in the message.
func requireTame(t testing.TB, err error) {
	t.Helper()
	require.Less(t, len(err.Error()), 512)
	for _, r := range err.Error() {
		require.True(t, unicode.IsPrint(r) && r != utf8.RuneError, "%+q in %+q", r, err)
	}
}
