// Package grace gives work in hand the time to finish after it was told to
// stop. Whatever a service has begun when SIGTERM arrives it should still
// publish and acknowledge, but not for ever.
package grace

import (
	"context"
	"time"
)

// After returns a context that ends d after ctx has ended, or when cancel is
// called. It keeps the values of ctx. A d of zero or less ends it with ctx.
func After(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
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
