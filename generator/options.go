package generator

import (
	"fmt"
	"time"
)

// Options are the settings of the generator's work, as flags. All but Work are
// faults, of the kinds that a handler meets.
type Options struct {
	Work        time.Duration `help:"Time that one string takes." default:"0s" env:"WORK"`
	Fail        float64       `help:"Fraction of requests (0 to 1) that fail each time they are tried. The request's ID decides which." default:"0" env:"FAIL"`
	Reject      float64       `help:"Fraction of requests that can never succeed, and become dead letters at once. The request's ID decides which." default:"0" env:"REJECT"`
	Hang        float64       `help:"Fraction of attempts whose handler never returns, not even when its context ends." default:"0" env:"HANG"`
	Outage      time.Duration `help:"Time for which a dependency of the generator is down, again and again. No request is answered meanwhile." default:"0s" env:"OUTAGE"`
	OutageEvery time.Duration `help:"Time from the beginning of one outage to that of the next. It is counted by the clock, so that all replicas on a machine have their outages together." default:"1m" env:"OUTAGE_EVERY"`
}

// Validate names the setting that is out of range.
func (o Options) Validate() error {
	if o.Work < 0 || o.Work > time.Hour {
		return fmt.Errorf("--work must be from 0s to 1h, not %s", o.Work)
	}
	for _, f := range []struct {
		flag  string
		value float64
	}{{"--fail", o.Fail}, {"--reject", o.Reject}, {"--hang", o.Hang}, {"--fail and --reject together", o.Fail + o.Reject}} {
		if !(f.value >= 0 && f.value <= 1) { // so that NaN is out of range too
			return fmt.Errorf("%s must be from 0 to 1, not %v", f.flag, f.value)
		}
	}
	if o.Outage < 0 || o.Outage > 0 && o.Outage > o.OutageEvery {
		return fmt.Errorf("--outage must be from 0s to --outage-every (%s), not %s", o.OutageEvery, o.Outage)
	}
	return nil
}

// down reports whether the dependency is down at that time.
func (o Options) down(now time.Time) bool {
	return o.Outage > 0 && time.Duration(now.UnixNano()%int64(o.OutageEvery)) < o.Outage
}
