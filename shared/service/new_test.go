package service_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/service"
)

func TestSeveralServicesInOneProcess(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	for i := range 2 {
		s, err := service.New("tester", b.Connect(), zerolog.Nop(), patience)
		require.NoError(t, err)
		s.ReportCounts(func() map[string]int64 { return map[string]int64{"number": int64(i)} })
		s.ReadyWhen(func() error { return nil }) // nobody asks, and nothing breaks
	}
	numbers := make(map[int64]bool)
	for _, status := range ask(t, b.Connect(), service.StatusSubject("tester"), 2, instance) {
		numbers[status.Counts["number"]] = true
	}
	require.Len(t, numbers, 2)
}

func TestNewNeedsAnOpenConnection(t *testing.T) {
	t.Parallel()
	nc := brokertest.Start(t, core).Connect()
	nc.Close()
	_, err := service.New("tester", nc, zerolog.Nop(), patience)
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
}
