package contract

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrOtherID is the error of a ledger entry that is stored under one ID and holds
// a message that bears another.
var ErrOtherID = errors.New("it bears another ID")

// EncodeEntry returns a message as the value of its ledger entry: its body. The
// error is an ErrInvalid.
func (c Codec[T]) EncodeEntry(message T) ([]byte, error) {
	if err := message.Validate(); err != nil {
		return nil, fmt.Errorf("cannot encode %s: %w", c.kind, err)
	}
	_, at := c.fields(&message)
	*at = at.UTC()
	value, err := json.Marshal(&message)
	if err != nil {
		return nil, fmt.Errorf("cannot encode %s: %w", c.kind, err)
	}
	return value, nil
}

// DecodeEntry returns the message of the ledger entry that is stored under id. The
// message is valid and bears that ID. Otherwise the error is ErrOtherID, or one of
// those of Decode, and the message returned is not to be used.
func (c Codec[T]) DecodeEntry(id string, value []byte) (T, error) {
	message, err := c.decodeBody(value)
	if err == nil && message.key() != id {
		err = fmt.Errorf("%w: %s", ErrOtherID, quote(message.key()))
	}
	if err != nil {
		return message, fmt.Errorf("cannot decode %s: %w", c.kind, err)
	}
	return message, nil
}

// IDOf returns the ID in the body of a message, or the value of a ledger entry,
// that may be wrong elsewhere; "" if it has none that can be read.
func IDOf(body []byte) string {
	id, _ := readID(body)
	return id
}
