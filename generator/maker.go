package generator

import (
	"context"
	"errors"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
)

// Maker makes the string for a request. What an error means for the request is
// described at queue.Retry and queue.Reject; a plain one is a failed attempt. A
// Maker is called concurrently.
type Maker func(ctx context.Context, request contract.Request) (string, error)

// Why a request fails, by the option that makes it.
var (
	ErrChosen   = errors.New("this request was chosen to fail (--fail)")
	ErrRejected = errors.New("this request was chosen to be rejected (--reject)")
	ErrOutage   = errors.New("the dependency is down (--outage)")
)

// Random returns the Maker of the service. It makes a random string after the work
// time of the options, unless they choose the request for a fault.
func Random(o Options) Maker {
	return func(ctx context.Context, request contract.Request) (string, error) {
		if o.down(time.Now()) {
			return "", queue.Retry(ErrOutage)
		}
		if o.Hang > 0 && rand.Float64() < o.Hang {
			hang()
		}
		if o.Work > 0 {
			timer := time.NewTimer(o.Work)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		switch place := place(request.ID); {
		case place < o.Fail:
			return "", ErrChosen
		case place < o.Fail+o.Reject:
			return "", queue.Reject(ErrRejected)
		}
		return contract.NewString(), nil
	}
}

// hang never returns.
func hang() {
	var never chan struct{}
	<-never
}

// place maps an ID to a number from 0 to 1, always the same one; IDs are spread
// evenly.
func place(id string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	// FNV spreads its last bytes badly over the upper bits; a multiplication
	// by the golden ratio fixes that.
	return float64(h.Sum64()*0x9e3779b97f4a7c15) / math.MaxUint64
}
