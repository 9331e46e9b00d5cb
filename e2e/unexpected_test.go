package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/embedded"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/contract"
)

// A response or a receipt that nobody asked for is kept, and verification says so.
func TestVerify_ReportsResponsesWithoutARequest(t *testing.T) {
	t.Parallel()
	result := stage.Play(t.Context(), embedded.Kind, deployment.Needs{}, stage.Options{Teller: teller{t}, Log: logger(t)}, func(s *stage.Stage) {
		s.Scale(1, 1)
		s.Ask(10)
		queues := s.Operator().Topology.Queues
		s.Must(queues.Responses.Publish(t.Context(), contract.NewResponse(contract.NewID(), contract.NewString(), time.Now())))
		s.Must(queues.Receipts.Publish(t.Context(), contract.NewReceipt(contract.NewID(), time.Now())))
		s.Drained()

		v := s.Verify()
		s.Holds("what was asked for is complete", v.Complete == 10, "%d", v.Complete)
		s.Holds("the rest is unexpected, and that is an error", v.Unexpected == 2 && !v.OK(), "%+v", v)
	})
	require.Equal(t, stage.Holds, result.Verdict, result.Why)
}
