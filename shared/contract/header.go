package contract

import (
	"errors"
	"fmt"
	"strings"
)

// The headers that each message bears. Their names are case-sensitive, as NATS
// sends and stores them unchanged.
const (
	// HeaderContentType says how the body is written.
	HeaderContentType = "Content-Type"

	// HeaderSchema says what the body is: its kind and major version.
	HeaderSchema = "Decoupled-Schema"
)

// ContentType is the one value of HeaderContentType.
const ContentType = "application/json"

// The values of HeaderSchema.
const (
	SchemaRequest  = "decoupled.request.v1"
	SchemaResponse = "decoupled.response.v1"
	SchemaReceipt  = "decoupled.receipt.v1"
)

// What can be wrong with the headers of a message.
var (
	// ErrContentType is the error of a body that does not claim to be JSON.
	ErrContentType = errors.New("wrong content type")

	// ErrNoSchema is the error of a message that does not say what it is.
	ErrNoSchema = errors.New("no schema")

	// ErrOtherSchema is the error of a message of another kind: a response on
	// the queue of requests, or something that is no message of this contract.
	ErrOtherSchema = errors.New("another kind of message")

	// ErrUnknownVersion is the error of a message of the right kind and of a
	// major version that this program does not know. A newer one may: it is
	// worth keeping.
	ErrUnknownVersion = errors.New("unknown major version")
)

// newHeader returns the headers of a message, in a map and with values that
// nothing else holds.
func newHeader(schema string) map[string][]string {
	values := [...]string{ContentType, schema}
	// The bounds of capacity keep an append to one value off the other.
	return map[string][]string{
		HeaderContentType: values[0:1:1],
		HeaderSchema:      values[1:2:2],
	}
}

// checkHeader reports what in the headers speaks against decoding the body as
// the schema wanted. If a header has more values than one, the first counts, as
// it does for nats.Header.Get.
func checkHeader(header map[string][]string, wanted string) error {
	if got := first(header[HeaderSchema]); got != wanted {
		return explainSchema(got, wanted)
	}
	if got := first(header[HeaderContentType]); !isJSON(got) {
		if got == "" {
			return fmt.Errorf("%w: the header %s is missing, not %q", ErrContentType, HeaderContentType, ContentType)
		}
		return fmt.Errorf("%w: %s is %s, not %q", ErrContentType, HeaderContentType, quote(got), ContentType)
	}
	return nil
}

// explainSchema returns the error for a schema that is not the one wanted.
func explainSchema(got, wanted string) error {
	if got == "" {
		return fmt.Errorf("%w: the header %s is missing, not %q", ErrNoSchema, HeaderSchema, wanted)
	}
	// Both have the form kind + ".v" + major version.
	dot := strings.LastIndex(wanted, ".v")
	kind, version := wanted[:dot], wanted[dot+len("."):]
	if number, ok := strings.CutPrefix(got, kind+".v"); ok && isNumber(number) {
		return fmt.Errorf("%w: %s is %s, and only %s is known here", ErrUnknownVersion, HeaderSchema, quote(got), version)
	}
	return fmt.Errorf("%w: %s is %s, not %q", ErrOtherSchema, HeaderSchema, quote(got), wanted)
}

// isJSON reports whether a content type is that of JSON, with any parameters:
// "; charset=utf-8" is often added, though it can mean nothing for JSON.
func isJSON(contentType string) bool {
	if contentType == ContentType {
		return true
	}
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), ContentType)
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
