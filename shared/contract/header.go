package contract

import (
	"fmt"
	"strings"
)

// The headers that a message may have. A message without them is version 1 in
// JSON. Their names are case-sensitive, as NATS sends and stores them unchanged.
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

// checkHeader reports what in the headers speaks against decoding the body as
// the schema wanted. If a header has more values than one, the first counts, as
// it does for nats.Header.Get.
func checkHeader(header map[string][]string, wanted string) error {
	if len(header) == 0 {
		return nil
	}
	if got, ok := first(header[HeaderSchema]); ok && got != wanted {
		return explainSchema(got, wanted)
	}
	if got, ok := first(header[HeaderContentType]); ok && !isJSON(got) {
		return fmt.Errorf("%w: %s is %s, not %q", ErrInvalid, HeaderContentType, quote(got), ContentType)
	}
	return nil
}

// explainSchema returns the error for a schema that is not the one wanted.
func explainSchema(got, wanted string) error {
	// Both have the form kind + ".v" + major version.
	dot := strings.LastIndex(wanted, ".v")
	kind, version := wanted[:dot], wanted[dot+len("."):]
	if number, ok := strings.CutPrefix(got, kind+".v"); ok && isNumber(number) {
		return fmt.Errorf("%w: unknown major version: %s is %s, and only %s is known here", ErrInvalid, HeaderSchema, quote(got), version)
	}
	return fmt.Errorf("%w: another kind of message: %s is %s, not %q", ErrInvalid, HeaderSchema, quote(got), wanted)
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

func first(values []string) (value string, ok bool) {
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}
