package contract

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The codecs of the three queues.
var (
	Requests = Codec[Request]{
		kind:   "request",
		schema: SchemaRequest,
		fields: func(r *Request) (*string, *time.Time) { return &r.ID, &r.RequestedAt },
	}
	Responses = Codec[Response]{
		kind:   "response",
		schema: SchemaResponse,
		fields: func(r *Response) (*string, *time.Time) { return &r.ID, &r.GeneratedAt },
	}
	Receipts = Codec[Receipt]{
		kind:   "receipt",
		schema: SchemaReceipt,
		fields: func(r *Receipt) (*string, *time.Time) { return &r.ID, &r.ReceivedAt },
	}
)

// Codec turns messages of one type into headers and a body, and back. There are
// three: Requests, Responses and Receipts. A codec has no state and may be
// used by many goroutines at once.
type Codec[T Body] struct {
	kind   string // in errors
	schema string
	fields func(*T) (id *string, at *time.Time)
}

// ID returns the ID of a message: the ID of the request that it belongs to.
func (c Codec[T]) ID(message T) string { return message.key() }

// Encode returns a message as its headers, of which a message of version 1 needs
// none, and its body. Times are written in UTC. The error is an ErrInvalid: Encode
// refuses what Decode would.
func (c Codec[T]) Encode(message T) (header map[string][]string, body []byte, err error) {
	body, err = c.EncodeEntry(message)
	return nil, body, err
}

// Decode returns the message in these headers and this body. The message is valid,
// and its times are in UTC.
//
// Otherwise the error is an ErrInvalid, with a text of one line that quotes only a
// little of the message. The message returned with an error has its ID, if a valid
// one can be read, and nothing else: enough to file a dead letter under.
//
// The names of fields are matched exactly, letter case included. A name that
// occurs twice in an object makes the body invalid; unknown names are ignored.
// What Decode allocates is in proportion to the body's size, which the stream
// limits.
func (c Codec[T]) Decode(header map[string][]string, body []byte) (T, error) {
	// The headers first: they say by which rules the body is to be judged.
	err := checkHeader(header, c.schema)
	if err == nil {
		var message T
		if message, err = c.decodeBody(body); err == nil {
			return message, nil
		}
	}
	return c.onlyID(body), fmt.Errorf("cannot decode %s: %w", c.kind, err)
}

func (c Codec[T]) decodeBody(body []byte) (message T, err error) {
	if len(body) == 0 {
		return message, fmt.Errorf("%w: the body is empty", ErrInvalid)
	}
	if err := json.Unmarshal(body, &message); err != nil {
		return message, fmt.Errorf("%w: %s", ErrInvalid, explain(err))
	}
	_, at := c.fields(&message)
	*at = asWritten(*at)
	return message, message.Validate()
}

// explain returns what is wrong with a body that is not the JSON it should be. It
// repeats no more of the body than fits on a line.
func explain(err error) string {
	if err, ok := errors.AsType[*json.SemanticError](err); ok {
		field, want := "the body", "an object"
		if err.JSONPointer != "" { // to a field that is known: others are not looked into
			field, want = err.JSONPointer.LastToken(), "a string"
		}
		if err, ok := errors.AsType[*time.ParseError](err); ok {
			return fmt.Sprintf("%s %s is not an RFC 3339 time", field, quote(err.Value))
		}
		return fmt.Sprintf("%s is a JSON %s, not %s", field, typeOf(err.JSONKind), want)
	}
	if err, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Sprintf("not JSON at byte %d: %s", err.ByteOffset, quote(err.Err.Error()))
	}
	return quote(err.Error())
}

func typeOf(kind jsontext.Kind) string {
	switch kind {
	case '[':
		return "array"
	case '{':
		return "object"
	case 't', 'f':
		return "boolean"
	}
	return kind.String()
}

// onlyID returns a message that has the ID of the one in the body and nothing
// else, or not even that.
func (c Codec[T]) onlyID(body []byte) (message T) {
	if found := IDOf(body); ValidateID(found) == nil {
		id, _ := c.fields(&message)
		*id = found
	}
	return message
}

// IDOf returns the ID in the body of a message, or in the value of a ledger entry,
// that may be wrong elsewhere; "" if none can be read.
func IDOf(body []byte) string {
	var message struct {
		ID string `json:"id"`
	}
	// A decoder accepts data after the value, and fills in what it has read before
	// it fails.
	_ = json.UnmarshalDecode(jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowInvalidUTF8(true)), &message)
	return message.ID
}
