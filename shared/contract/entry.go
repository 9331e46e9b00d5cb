package contract

import "fmt"

// EncodeEntry returns a message as the value of its ledger entry: its body. The
// error is an ErrInvalid.
func (c Codec[T]) EncodeEntry(message T) ([]byte, error) {
	if err := message.Validate(); err != nil {
		return nil, fmt.Errorf("cannot encode %s: %w", c.kind, err)
	}
	return message.append(nil), nil
}

// DecodeEntry returns the message of the ledger entry that is stored under id. The
// message is valid and bears that ID. Otherwise the error is an ErrInvalid, and the
// message returned is not to be used.
func (c Codec[T]) DecodeEntry(id string, value []byte) (T, error) {
	message, err := c.decodeBody(value)
	if err == nil && message.key() != id {
		err = fmt.Errorf("%w: it bears another ID: %s", ErrInvalid, quote(message.key()))
	}
	if err != nil {
		return message, fmt.Errorf("cannot decode %s: %w", c.kind, err)
	}
	return message, nil
}
