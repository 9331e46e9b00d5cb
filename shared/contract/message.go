package contract

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// ErrInvalid is the error of a message with a field that is missing or holds
// what it must not; the text says which field and why.
var ErrInvalid = errors.New("invalid message")

// Body is a message of this contract.
type Body interface {
	Request | Response | Receipt

	// Validate checks every field; its error is an ErrInvalid that names the
	// first field in the way.
	Validate() error

	key() string
	append(body []byte) []byte
}

// Request asks for one random string.
type Request struct {
	// ID of the request, made by NewID. Its response and receipt bear it too.
	ID string `json:"id"`

	// RequestedAt is the time by the requestor's clock.
	RequestedAt time.Time `json:"requested_at"`
}

// Response is the answer to one request.
type Response struct {
	// ID of the request that this answers.
	ID string `json:"id"`

	// String is the random string: StringLength characters of a-z A-Z 0-9. For
	// one ID it is the same in every copy of the response.
	String string `json:"string"`

	// GeneratedAt is the time by the generator's clock.
	GeneratedAt time.Time `json:"generated_at"`
}

// Receipt tells the generator that a response is in safe keeping.
type Receipt struct {
	// ID of the request whose response was received.
	ID string `json:"id"`

	// ReceivedAt is the time by the requestor's clock.
	ReceivedAt time.Time `json:"received_at"`
}

// NewRequest returns a request with an ID of its own.
func NewRequest(now time.Time) Request {
	return Request{ID: NewID(), RequestedAt: now.UTC()}
}

// NewResponse returns the response to a request; text is its random string.
func NewResponse(requestID, text string, now time.Time) Response {
	return Response{ID: requestID, String: text, GeneratedAt: now.UTC()}
}

// NewReceipt returns the receipt for the response to a request.
func NewReceipt(requestID string, now time.Time) Receipt {
	return Receipt{ID: requestID, ReceivedAt: now.UTC()}
}

// Validate implements Body.
func (r Request) Validate() error {
	if err := ValidateID(r.ID); err != nil {
		return err
	}
	return validateTime("requested_at", r.RequestedAt)
}

// Validate implements Body.
func (r Response) Validate() error {
	if err := ValidateID(r.ID); err != nil {
		return err
	}
	if err := validateString(r.String); err != nil {
		return err
	}
	return validateTime("generated_at", r.GeneratedAt)
}

// Validate implements Body.
func (r Receipt) Validate() error {
	if err := ValidateID(r.ID); err != nil {
		return err
	}
	return validateTime("received_at", r.ReceivedAt)
}

func (r Request) key() string  { return r.ID }
func (r Response) key() string { return r.ID }
func (r Receipt) key() string  { return r.ID }

// The fields of a valid message need no escapes in JSON.

func (r Request) append(body []byte) []byte {
	return appendTime(append(appendID(body, r.ID), `","requested_at":"`...), r.RequestedAt)
}

func (r Response) append(body []byte) []byte {
	body = append(append(appendID(body, r.ID), `","string":"`...), r.String...)
	return appendTime(append(body, `","generated_at":"`...), r.GeneratedAt)
}

func (r Receipt) append(body []byte) []byte {
	return appendTime(append(appendID(body, r.ID), `","received_at":"`...), r.ReceivedAt)
}

func appendID(body []byte, id string) []byte {
	return append(append(slices.Grow(body, 192), `{"id":"`...), id...)
}

func appendTime(body []byte, t time.Time) []byte {
	return append(asWritten(t).AppendFormat(body, time.RFC3339Nano), `"}`...)
}

// asWritten returns t in UTC, the form in which messages have it. RFC 3339 writes a
// year in four digits: a time whose year has four only by its own offset keeps it.
func asWritten(t time.Time) time.Time {
	if utc := t.UTC(); utc.Year() >= 1000 && utc.Year() <= 9999 {
		return utc
	}
	return t
}

// validateTime reports with an ErrInvalid why t cannot be the time in a field.
//
// A time in the future is valid on purpose, and so is one before the message
// that it answers: clocks differ, a message must not be lost to a clock, and
// nothing is ever decided by these times. They are for people and for measuring.
func validateTime(field string, t time.Time) error {
	if t.IsZero() {
		return fmt.Errorf("%w: %s is missing", ErrInvalid, field)
	}
	// RFC 3339 writes a year in four digits. Those that begin with 0 are no time
	// of ours, but the way in which many languages write "none".
	if year := t.Year(); year < 1000 || year > 9999 {
		return fmt.Errorf("%w: %s is in the year %d, not in 1000 to 9999", ErrInvalid, field, year)
	}
	return nil
}

// quote returns what a message contains in a form that is fit for an error's
// text, a header or a terminal: in quotes, on one line, not too much of it, and in
// ASCII, which shows the letters that only look right.
func quote(s string) string {
	const most = 64 // bytes
	if len(s) <= most {
		return strconv.QuoteToASCII(s)
	}
	return strconv.QuoteToASCII(s[:most]) + "..."
}
