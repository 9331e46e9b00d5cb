// Package shutdown gives work in progress the time to finish. What a service has
// begun when SIGTERM arrives it should still publish and ack, within a limit.
package shutdown

import (
	"context"
	"time"
)

// Delay returns a context that ends d after ctx has ended, or when cancel is
// called. It has the values of ctx. A d of zero or less ends it with ctx.
func Delay(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	extended, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-extended.Done():
		}
	})
	return extended, func() { stop(); cancel(context.Canceled) }
}
