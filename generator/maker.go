package generator

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
)

// Maker makes the string for a request. An error is the request's fault: it is
// tried again, and at last set aside. A Maker is called concurrently.
type Maker func(ctx context.Context, request contract.Request) (string, error)

// Options are the settings of the generator's work, as flags.
type Options struct {
	Work   time.Duration `help:"Time that one string takes." default:"0s" env:"WORK"`
	Fail   float64       `help:"Fraction of requests (0 to 1) that fail each time they are tried. The request's ID decides which." default:"0" env:"FAIL"`
	Reject float64       `help:"Fraction of requests (0 to 1) that can never succeed. The request's ID decides which." default:"0" env:"REJECT"`
}

// Validate names the setting that is out of range.
func (o Options) Validate() error {
	if o.Work < 0 || o.Work > time.Hour {
		return fmt.Errorf("--work must be from 0s to 1h, not %s", o.Work)
	}
	if !(o.Fail >= 0 && o.Fail <= 1) { // so that NaN is out of range too
		return fmt.Errorf("--fail must be from 0 to 1, not %v", o.Fail)
	}
	if !(o.Reject >= 0 && o.Reject <= 1) {
		return fmt.Errorf("--reject must be from 0 to 1, not %v", o.Reject)
	}
	return nil
}

// ErrRejected is why a request is rejected that Options.Reject has chosen.
var ErrRejected = errors.New("this request was chosen to be rejected (--reject)")

// ErrChosen is why a request fails that Options.Fail has chosen.
var ErrChosen = errors.New("this request was chosen to fail (--fail)")

// Random returns the Maker of the service: a random string, after the time that
// the options say it takes.
func Random(o Options) Maker {
	return func(ctx context.Context, request contract.Request) (string, error) {
		if o.Work > 0 {
			timer := time.NewTimer(o.Work)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		if chosen(request.ID, o.Reject) {
			return "", queue.Reject(ErrRejected)
		}
		if chosen(request.ID, o.Fail) {
			return "", ErrChosen
		}
		return contract.NewString(), nil
	}
}

// chosen is true for that fraction of all IDs, and always the same ones.
func chosen(id string, fraction float64) bool {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	// FNV spreads its last bytes badly over the upper bits; a multiplication
	// by the golden ratio mends that.
	return float64(h.Sum64()*0x9e3779b97f4a7c15)/math.MaxUint64 < fraction
}
