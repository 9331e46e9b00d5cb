package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// What can be wrong with the body of a message, besides ErrInvalid.
var (
	// ErrEmpty is the error of a message without a body.
	ErrEmpty = errors.New("empty body")

	// ErrNotUTF8 is the error of a body that is not UTF-8 throughout.
	ErrNotUTF8 = errors.New("not UTF-8")

	// ErrNotJSON is the error of a body that is not JSON, or is cut off.
	ErrNotJSON = errors.New("not JSON")

	// ErrTrailingData is the error of a body that goes on after its JSON value.
	ErrTrailingData = errors.New("data after the JSON value")

	// ErrWrongType is the error of a body that is JSON, but not an object, or
	// with a field that is not of its JSON type.
	ErrWrongType = errors.New("wrong JSON type")
)

// The codecs of the three queues.
var (
	Requests = Codec[Request]{
		kind:      "request",
		schema:    SchemaRequest,
		timeField: "requested_at",
		fields:    func(r *Request) (*string, *time.Time) { return &r.ID, &r.RequestedAt },
	}
	Responses = Codec[Response]{
		kind:      "response",
		schema:    SchemaResponse,
		timeField: "generated_at",
		fields:    func(r *Response) (*string, *time.Time) { return &r.ID, &r.GeneratedAt },
	}
	Receipts = Codec[Receipt]{
		kind:      "receipt",
		schema:    SchemaReceipt,
		timeField: "received_at",
		fields:    func(r *Receipt) (*string, *time.Time) { return &r.ID, &r.ReceivedAt },
	}
)

// Codec turns messages of one type into headers and a body, and back. There are
// three: Requests, Responses and Receipts. A codec keeps no state and may be
// used by many goroutines at once.
type Codec[T Body] struct {
	kind      string // in errors
	schema    string
	timeField string // in errors
	fields    func(*T) (id *string, at *time.Time)
}

// ID returns the ID of a message: the ID of the request that it belongs to.
func (c Codec[T]) ID(message T) string { return message.key() }

// Encode returns a message as its headers and its body. The headers are made for
// this call: the caller may add to them. Times are written in UTC. The error is
// an ErrInvalid: what must not be read is not written either.
func (c Codec[T]) Encode(message T) (header map[string][]string, body []byte, err error) {
	if body, err = c.EncodeEntry(message); err != nil {
		return nil, nil, err
	}
	return newHeader(c.schema), body, nil
}

// Decode returns the message that Encode turned into these headers and body.
// It is valid, and its times are in UTC.
//
// Otherwise the error is one of ErrNoSchema, ErrOtherSchema, ErrUnknownVersion,
// ErrContentType, ErrEmpty, ErrNotUTF8, ErrNotJSON, ErrTrailingData,
// ErrWrongType and ErrInvalid, with a text of one line that quotes only a little
// of the message. The message returned with an error has its ID, if that can be
// read and is a valid one, and nothing else: enough to file a dead letter under.
//
// Of a field that occurs twice the last counts. What Decode allocates is in
// proportion to the body's size, which is for the stream to bound.
func (c Codec[T]) Decode(header map[string][]string, body []byte) (T, error) {
	message, err := c.decode(header, body)
	if err != nil {
		return c.onlyID(body), fmt.Errorf("cannot decode %s: %w", c.kind, err)
	}
	return message, nil
}

func (c Codec[T]) decode(header map[string][]string, body []byte) (message T, err error) {
	// The headers first: they say by which rules the body is to be judged.
	if err := checkHeader(header, c.schema); err != nil {
		return message, err
	}
	return c.decodeBody(body)
}

func (c Codec[T]) decodeBody(body []byte) (message T, err error) {
	if len(body) == 0 {
		return message, ErrEmpty
	}
	// Asked for here because encoding/json would put U+FFFD in place of what is
	// not UTF-8, and say nothing.
	if !utf8.Valid(body) {
		return message, ErrNotUTF8
	}
	if err := json.Unmarshal(body, &message); err != nil {
		return message, c.explain(err, body)
	}
	_, at := c.fields(&message)
	*at = at.UTC()
	return message, message.Validate()
}

// explain returns the error for a body that encoding/json refused, in words that
// repeat no more of the body than they should.
func (c Codec[T]) explain(err error, body []byte) error {
	if err, ok := errors.AsType[*json.SyntaxError](err); ok {
		if _, whole := readID(body); whole {
			return fmt.Errorf("%w: %w", ErrTrailingData, err)
		}
		return fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	if err, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if err.Field == "" {
			return fmt.Errorf("%w: the body is a JSON %s, not an object", ErrWrongType, err.Value)
		}
		return fmt.Errorf("%w: %s is a JSON %s, not a string", ErrWrongType, err.Field, err.Value)
	}
	// What is left comes from time.Time, the only field that reads itself.
	if err, ok := errors.AsType[*time.ParseError](err); ok {
		return fmt.Errorf("%w: %s %s is not an RFC 3339 time", ErrInvalid, c.timeField, quote(err.Value))
	}
	return fmt.Errorf("%w: %s is not a string", ErrWrongType, c.timeField)
}

// onlyID returns a message that has the ID of the one in the body and nothing
// else, or not even that.
func (c Codec[T]) onlyID(body []byte) (message T) {
	if found, _ := readID(body); ValidateID(found) == nil {
		id, _ := c.fields(&message)
		*id = found
	}
	return message
}

// readID returns the ID in a body that is wrong somewhere else, or "", and
// whether the body begins with a whole JSON value at least. Everything that is
// not the ID is skipped without being read.
func readID(body []byte) (id string, whole bool) {
	var message struct {
		ID string `json:"id"`
	}
	// A Decoder, unlike Unmarshal, does not mind what follows the first value.
	err := json.NewDecoder(bytes.NewReader(body)).Decode(&message)
	_, wrongType := errors.AsType[*json.UnmarshalTypeError](err)
	return message.ID, err == nil || wrongType
}
