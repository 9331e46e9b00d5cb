package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// compile returns the schema at a place in asyncapi.yaml, such as
// "components/schemas/id".
func compile(t *testing.T, place string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("asyncapi.yaml")
	require.NoError(t, err)
	var content any
	require.NoError(t, yaml.Unmarshal(text, &content))

	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7) // what AsyncAPI 3.0 is a superset of
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("asyncapi.json", asJSON(t, content)))
	schema, err := compiler.Compile("asyncapi.json#/" + place)
	require.NoError(t, err)
	return schema
}

// asJSON returns a value as the JSON-schema library wants it.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	v, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return v
}

// accepts reports whether a body is JSON and what the schema describes.
func accepts(schema *jsonschema.Schema, body string) bool {
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	return err == nil && schema.Validate(v) == nil
}

func TestEncodedMessagesFitTheSchemas(t *testing.T) {
	t.Parallel()
	now := time.Now()
	fits(t, "request", Requests, NewRequest(now))
	fits(t, "response", Responses, NewResponse(NewID(), NewString(), now))
	fits(t, "receipt", Receipts, NewReceipt(NewID(), now))

	elsewhere := now.In(time.FixedZone("", -7*60*60)).Truncate(time.Hour)
	fits(t, "receipt", Receipts, Receipt{ID: NewID(), ReceivedAt: elsewhere})
	fits(t, "request", Requests, NewRequest(now.AddDate(5000, 0, 0)))
}

func fits[T Body](t *testing.T, name string, codec Codec[T], message T) {
	t.Helper()
	header, body, err := codec.Encode(message)
	require.NoError(t, err)

	payload := compile(t, "components/messages/"+name+"/payload")
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, payload.Validate(content), "%s", body)

	headers := compile(t, "components/messages/"+name+"/headers")
	flat := map[string]any{}
	for key, values := range header {
		require.Len(t, values, 1)
		flat[key] = values[0]
	}
	require.NoError(t, headers.Validate(asJSON(t, flat)))
	flat["traceparent"] = "a header of someone else"
	require.NoError(t, headers.Validate(asJSON(t, flat)))

	for key, wrong := range map[string]string{
		HeaderContentType: "text/plain",
		HeaderSchema:      "decoupled." + name + ".v2",
	} {
		changed := maps.Clone(flat)
		changed[key] = wrong
		require.Error(t, headers.Validate(asJSON(t, changed)), "%s: %s", key, wrong)
		delete(changed, key)
		require.Error(t, headers.Validate(asJSON(t, changed)), "without %s", key)
	}
}

// The bodies are those on which the tests of Decode run: what the schemas accept
// Decode accepts, and what they refuse it refuses.
func TestSchemasJudgeLikeDecode(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		schema := compile(t, "components/messages/"+k.name+"/payload")
		for name, body := range k.goodBodies() {
			require.True(t, accepts(schema, body), "%s, %s: %.300s", k.name, name, body)
		}
		for name, test := range k.badBodies() {
			if errors.Is(test.want, ErrNotUTF8) {
				continue // the library reads with encoding/json, which lets it pass
			}
			require.False(t, accepts(schema, test.body), "%s, %s: %.300s", k.name, name, test.body)
		}
	}
}

// Where Decode and the schemas differ, all of it because of encoding/json and
// package time. None of it matters to a sender who keeps to the schemas and
// writes times plainly. If a line fails under a newer Go, the gap has closed:
// move it to the bodies on which they agree.
func TestWhereSchemasAndDecodeDiffer(t *testing.T) {
	t.Parallel()
	schema := compile(t, "components/messages/request/payload")
	for name, test := range map[string]struct {
		body    string
		decodes bool // and so does not fit the schema
	}{
		"field names in any case": {`{"ID":"` + goodID + `","Requested_At":"2026-01-02T03:04:05Z"}`, true},
		"hours of one digit":      {`{"id":"` + goodID + `","requested_at":"2026-01-02T3:04:05Z"}`, true},
		"a decimal comma":         {`{"id":"` + goodID + `","requested_at":"2026-01-02T03:04:05,5Z"}`, true},
		"escapes in a time":       {`{"id":"` + goodID + `","requested_at":"2026-01-02T03:04:05\u002b01:00"}`, false},
		"year 10000 in UTC":       {`{"id":"` + goodID + `","requested_at":"9999-12-31T23:59:59-01:00"}`, false},
		"year 999 in UTC":         {`{"id":"` + goodID + `","requested_at":"1000-01-01T00:00:00+01:00"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := Requests.Decode(newHeader(SchemaRequest), []byte(test.body))
			if test.decodes {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, ErrInvalid)
			}
			require.Equal(t, goodID, request.ID)
			require.Equal(t, !test.decodes, accepts(schema, test.body))
		})
	}
}
