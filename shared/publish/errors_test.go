package publish

import (
	"errors"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Each error that the server can answer a publish with, made by the server's
// own code, so that a new version that changes one is noticed.
func TestWhatTheBrokerAnswersIsClassified(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for _, c := range []struct {
		answer *server.ApiError
		want   error // nil: the broker's condition, worth another attempt
	}{
		{server.NewJSStreamWrongLastSequenceError(7), ErrExists},
		{server.NewJSStreamWrongLastSequenceConstantError(), ErrExists},
		{server.NewJSStreamStoreFailedError(server.ErrMaxMsgsPerSubject), ErrExists},

		{server.NewJSStreamMessageExceedsMaximumError(), ErrTooLarge},
		{server.NewJSStreamHeaderExceedsMaximumError(), ErrTooLarge},

		{server.NewJSStreamNotMatchError(), ErrInvalid},
		{server.NewJSStreamWrongLastMsgIDError("id"), ErrInvalid},
		{server.NewJSStreamRollupFailedError(cause), ErrInvalid},
		{server.NewJSMessageTTLDisabledError(), ErrInvalid},
		{server.NewJSMessageTTLInvalidError(), ErrInvalid},
		{server.NewJSMessageIncrDisabledError(), ErrInvalid},
		{server.NewJSMessageIncrInvalidError(), ErrInvalid},
		{server.NewJSMessageSchedulesDisabledError(), ErrInvalid},
		{server.NewJSMessageSourceHdrNotAllowedError(), ErrInvalid},
		{server.NewJSAtomicPublishDisabledError(), ErrInvalid},
		{server.NewJSBatchPublishDisabledError(), ErrInvalid},
		{server.NewJSStreamExpectedLastSeqPerSubjectInvalidError(), ErrInvalid},

		{server.NewJSStreamStoreFailedError(cause), nil},
		{server.NewJSStreamStoreFailedError(server.ErrMaxMsgs), nil},
		{server.NewJSStreamStoreFailedError(server.ErrMaxBytes), nil},
		{server.NewJSInsufficientResourcesError(), nil},
		{server.NewJSStorageResourcesExceededError(), nil},
		{server.NewJSAccountResourcesExceededError(), nil},
		{server.NewJSNoLimitsError(), nil},
		{server.NewJSStreamSealedError(), nil},
		{server.NewJSStreamDuplicateMessageConflictError(), nil},
		{server.NewJSStreamExpectedLastSeqPerSubjectNotReadyError(), nil},
		{server.NewJSStreamSequenceNotMatchError(), nil},
		{server.NewJSStreamTooManyRequestsError(), nil},
		{server.NewJSNotEnabledError(), nil},
		{server.NewJSNotEnabledForAccountError(), nil},
		{server.NewJSClusterNotAvailError(), nil},
		{server.NewJSClusterNotLeaderError(), nil},
	} {
		t.Run(c.answer.Description, func(t *testing.T) {
			t.Parallel()
			err := &jetstream.APIError{Code: c.answer.Code, ErrorCode: jetstream.ErrorCode(c.answer.ErrCode), Description: c.answer.Description}
			got := refusal(err)
			if c.want == nil {
				require.NoError(t, got)
				return
			}
			require.ErrorIs(t, got, c.want)
			require.ErrorIs(t, got, err, "the broker's own words are kept")
		})
	}
}

func TestWhatTheClientLibraryAnswersIsClassified(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, refusal(nats.ErrMaxPayload), ErrTooLarge)
	require.ErrorIs(t, refusal(nats.ErrBadSubject), ErrInvalid)
	require.ErrorIs(t, refusal(nats.ErrBadHeaderMsg), ErrInvalid)
	require.ErrorIs(t, refusal(errReply), ErrInvalid)
	require.ErrorIs(t, refusal(ErrDuplicate), ErrDuplicate)
	for _, err := range []error{
		nats.ErrDisconnected, nats.ErrConnectionClosed, nats.ErrReconnectBufExceeded, nats.ErrTimeout,
		nats.ErrNoResponders, errUnanswered, jetstream.ErrInvalidJSAck, &otherStreamError{"OTHER", "WORK"},
	} {
		require.NoError(t, refusal(err), "%v is worth another attempt", err)
	}
}

func TestExplain_WrapsTheCause(t *testing.T) {
	t.Parallel()
	full := server.NewJSAccountResourcesExceededError()
	for cause, advice := range map[error]string{
		nats.ErrNoResponders: "run setup",
		errUnanswered:        "permission",
		&jetstream.APIError{Code: full.Code, ErrorCode: jetstream.ErrorCode(full.ErrCode)}: "room",
	} {
		require.ErrorContains(t, explain(cause), advice)
		require.ErrorIs(t, explain(cause), cause)
	}
	other := errors.New("other")
	require.Equal(t, other, explain(other))
}
