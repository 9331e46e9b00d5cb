package publish

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Why a message was refused for good. Test with errors.Is.
var (
	// ErrExists: the subject holds a message already, or one is being written
	// this moment, and it must be the first: the message said so, or the stream
	// keeps one a subject and takes no other. It may be this very message, stored
	// by an attempt whose confirmation was lost.
	ErrExists = errors.New("the subject holds a message already")
	// ErrTooLarge: the message is larger than the stream or the broker takes.
	ErrTooLarge = errors.New("the message is too large")
	// ErrInvalid: the broker calls the message malformed.
	ErrInvalid = errors.New("the broker refuses the message as invalid")
	// ErrDuplicate: the stream has stored a message under this message ID before.
	// That may be this very message, stored by an attempt whose confirmation was
	// lost, or any other that bears its ID: only reading it can tell.
	ErrDuplicate = errors.New("a message is stored under this message ID already")
)

// ErrUnavailable says that the broker did not confirm in time. It says nothing
// about the message.
var ErrUnavailable = errors.New("the broker is unavailable")

// errReply: the answer has to come to the Publisher.
var errReply = errors.New("a message to publish must not have a reply subject")

// Codes of the server that the client library has no names for.
const (
	accountResourcesExceeded jetstream.ErrorCode = 10002
	insufficientResources    jetstream.ErrorCode = 10023
	streamStoreFailed        jetstream.ErrorCode = 10077 // full: as a whole, or for this subject
	streamNotMatch           jetstream.ErrorCode = 10060 // not the stream that the message expects
	streamHeaderTooLarge     jetstream.ErrorCode = 10097
	streamSealed             jetstream.ErrorCode = 10109
	streamRollupFailed       jetstream.ErrorCode = 10111
	noLimitsForAccount       jetstream.ErrorCode = 10120
)

// fullForSubject is how the text of streamStoreFailed begins if only this subject takes
// no more; there is no other code for it. The server itself compares the text, too. A
// test compares it with the server's.
const fullForSubject = "maximum messages per subject exceeded"

// refusal translates an error into one of the above when sending again cannot
// help, and to nil when it can.
func refusal(err error) error {
	switch {
	case errors.Is(err, ErrDuplicate):
		return err
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case errors.Is(err, nats.ErrBadSubject), errors.Is(err, nats.ErrBadHeaderMsg), errors.Is(err, errReply):
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	api := apiError(err)
	if api == nil {
		return nil
	}
	switch api.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return fmt.Errorf("%w: %w", ErrExists, err)
	case streamStoreFailed:
		if strings.HasPrefix(api.Description, fullForSubject) {
			return fmt.Errorf("%w: %w", ErrExists, err)
		}
		return nil
	case jetstream.JSErrCodeStreamMessageExceedsMaximum, streamHeaderTooLarge:
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case streamRollupFailed: // a header asks for it; the code is a 500
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	case accountResourcesExceeded, noLimitsForAccount, streamSealed:
		// "Bad requests" too, but it is the broker that must change.
		return nil
	}
	if api.Code == http.StatusBadRequest {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// explain adds operator advice to an error that sending again can resolve.
func explain(err error) error {
	var other *otherStreamError
	switch {
	case errors.As(err, &other):
		return fmt.Errorf("%w: remove the overlap between the subjects of %s and %s, then run setup", err, other.stream, other.expected)
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("no stream takes this subject, or JetStream is not available: run setup: %w", err)
	case errors.Is(err, errUnanswered):
		return fmt.Errorf("%w: the broker is busy, electing a leader, or cannot write to its disk, or the permission to publish is missing", err)
	}
	if api := apiError(err); api != nil {
		switch api.ErrorCode {
		case streamStoreFailed, accountResourcesExceeded, insufficientResources:
			return fmt.Errorf("the stream, its account or the disk is full; waiting for room: %w", err)
		}
	}
	return err
}

// isNotMatch reports whether a stream refused the message as meant for another.
func isNotMatch(err error) bool {
	api := apiError(err)
	return api != nil && api.ErrorCode == streamNotMatch
}

func apiError(err error) *jetstream.APIError {
	var js jetstream.JetStreamError
	if errors.As(err, &js) {
		return js.APIError()
	}
	return nil
}
