package contract

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// document is the part of asyncapi.yaml that is compared with the code. The
// schemas are compared in schema_test.go.
type document struct {
	AsyncAPI           string `yaml:"asyncapi"`
	DefaultContentType string `yaml:"defaultContentType"`
	Servers            map[string]struct {
		Protocol string
	}
	Channels map[string]struct {
		Address  string
		Messages map[string]reference
	}
	Operations map[string]struct {
		Action   string
		Tags     []reference
		Channel  reference
		Messages []reference
	}
	Components struct {
		Messages map[string]struct {
			Name        string
			ContentType string `yaml:"contentType"`
			Headers     reference
			Payload     reference
			Examples    []struct {
				Headers map[string]string
				Payload map[string]any
			}
		}
		Schemas map[string]struct {
			Required   []string
			Properties map[string]struct{ Const string }
		}
	}
}

type reference struct {
	Ref string `yaml:"$ref"`
}

func readDocument(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile("asyncapi.yaml")
	require.NoError(t, err)
	var d document
	require.NoError(t, yaml.Unmarshal(text, &d))
	return d
}

func TestDocumentAgreesWithTheCode(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	require.Equal(t, "3.0.0", d.AsyncAPI)
	require.Equal(t, ContentType, d.DefaultContentType)
	require.Len(t, d.Servers, 1)
	require.Equal(t, "nats", d.Servers["broker"].Protocol)
	require.Len(t, d.Components.Messages, len(kinds()))

	for _, k := range kinds() {
		message, ok := d.Components.Messages[k.name]
		require.True(t, ok, k.name)
		require.Equal(t, k.name, message.Name)
		require.Equal(t, ContentType, message.ContentType)

		headers := d.Components.Schemas[strings.TrimPrefix(message.Headers.Ref, "#/components/schemas/")]
		require.Empty(t, headers.Required)
		require.ElementsMatch(t, []string{HeaderContentType, HeaderSchema}, slices.Collect(maps.Keys(headers.Properties)))
		require.Equal(t, k.schema, headers.Properties[HeaderSchema].Const)

		payload := d.Components.Schemas[strings.TrimPrefix(message.Payload.Ref, "#/components/schemas/")]
		var fields []string
		for _, f := range k.fields {
			fields = append(fields, f.name)
		}
		require.ElementsMatch(t, fields, payload.Required)
		require.ElementsMatch(t, fields, slices.Collect(maps.Keys(payload.Properties)))
	}

	randomString := compile(t, "components/schemas/randomString")
	require.Equal(t, StringLength, *randomString.MaxLength)
	require.NoError(t, randomString.Validate((alphabet + alphabet)[:StringLength]))
}

// Each message in the document's examples is one that the codecs read.
func TestExamplesOfTheDocument(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	for _, k := range kinds() {
		message := d.Components.Messages[k.name]
		require.NotEmpty(t, message.Examples, k.name)
		for _, example := range message.Examples {
			header, flat := map[string][]string{}, map[string]any{} // version 1 has none
			for key, value := range example.Headers {
				header[key], flat[key] = []string{value}, value
			}
			body, err := json.Marshal(example.Payload)
			require.NoError(t, err)
			id, _, err := k.decode(header, body)
			require.NoError(t, err)
			require.Contains(t, string(body), id)

			require.NoError(t, compile(t, "components/messages/"+k.name+"/payload").Validate(asJSON(t, example.Payload)))
			require.NoError(t, compile(t, "components/messages/"+k.name+"/headers").Validate(asJSON(t, flat)))
		}
	}
}

// Three channels, each with one message, one party that sends and the other that
// receives.
func TestChannelsAndOperationsOfTheDocument(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	type flow struct{ channel, address, message, from, to string }
	flows := []flow{
		{"requests", "strings.request", "request", "requestor", "generator"},
		{"responses", "strings.response", "response", "generator", "requestor"},
		{"receipts", "strings.received-ack", "receipt", "requestor", "generator"},
	}
	require.Len(t, d.Channels, len(flows))
	require.Len(t, d.Operations, 2*len(flows))
	for _, f := range flows {
		channel := d.Channels[f.channel]
		require.Equal(t, f.address, channel.Address)
		require.Equal(t, map[string]reference{
			f.message: {"#/components/messages/" + f.message},
		}, channel.Messages)

		parties := map[string]string{}
		for _, operation := range d.Operations {
			if operation.Channel.Ref != "#/channels/"+f.channel {
				continue
			}
			require.Equal(t, []reference{
				{"#/channels/" + f.channel + "/messages/" + f.message},
			}, operation.Messages)
			require.Len(t, operation.Tags, 1)
			parties[operation.Action] = strings.TrimPrefix(operation.Tags[0].Ref, "#/components/tags/")
		}
		require.Equal(t, map[string]string{"send": f.from, "receive": f.to}, parties)
	}
}

// A reference to nothing is not noticed by the tests above unless they follow it.
func TestReferencesOfTheDocumentResolve(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("asyncapi.yaml")
	require.NoError(t, err)
	var root any
	require.NoError(t, yaml.Unmarshal(text, &root))

	var followed int
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case []any:
			for _, child := range node {
				walk(child)
			}
		case map[string]any:
			for _, child := range node {
				walk(child)
			}
			if ref, ok := node["$ref"].(string); ok {
				followed++
				require.Len(t, node, 1, "what stands beside a reference is ignored: %s", ref)
				target := root
				for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
					parent, _ := target.(map[string]any)
					target = parent[step]
				}
				require.NotNil(t, target, ref)
			}
		}
	}
	walk(root)
	require.NotZero(t, followed)
}
