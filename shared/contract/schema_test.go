package contract

import (
	"bytes"
	"encoding/json"
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

	flat[HeaderContentType], flat[HeaderSchema] = "Application/JSON; charset=utf-8", "decoupled."+name+".v1"
	require.NoError(t, headers.Validate(asJSON(t, flat)))
	for key, wrong := range map[string]string{
		HeaderContentType: "text/plain",
		HeaderSchema:      "decoupled." + name + ".v2",
	} {
		changed := maps.Clone(flat)
		changed[key] = wrong
		require.Error(t, headers.Validate(asJSON(t, changed)), "%s: %s", key, wrong)
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
			if test.says == "invalid UTF-8" || strings.HasPrefix(test.says, "duplicate") {
				continue // the library reads with encoding/json, which lets it pass
			}
			require.False(t, accepts(schema, test.body), "%s, %s: %.300s", k.name, name, test.body)
		}
	}
}
