package generator

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/service"
)

func TestServe_RefusesWorkThatAlwaysTimesOut(t *testing.T) {
	t.Parallel()
	err := Serve(t.Context(), &service.Service{HandlerTimeout: time.Second}, Options{Work: time.Second})
	require.EqualError(t, err, "--work (1s) must be less than --handler-timeout (1s), or each attempt times out")
}
