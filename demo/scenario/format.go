package scenario

import (
	"fmt"
	"strings"
	"time"
)

// inRound rounds a time to the digits that matter.
func inRound(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func inMilliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000)
}

// also is the first few of what is wrong, as an addition to what is right.
func also[T any](wrong []T) string {
	if len(wrong) == 0 {
		return ""
	}
	var few []string
	for _, one := range wrong[:min(len(wrong), 3)] {
		few = append(few, fmt.Sprintf("%+v", one))
	}
	return "; but " + strings.Join(few, "; ")
}
