package e2e_test

import (
	"time"

	"github.com/stretchr/testify/require"
)

// pause stops delivery from a queue without touching any replica.
func (d *deployment) pause(queue, consumer string) {
	d.t.Helper()
	_, err := d.JS.PauseConsumer(d.context(), queue, consumer, time.Now().Add(time.Hour))
	require.NoError(d.t, err)
}

// resume lets it flow again.
func (d *deployment) resume(queue, consumer string) {
	d.t.Helper()
	_, err := d.JS.ResumeConsumer(d.context(), queue, consumer)
	require.NoError(d.t, err)
}
