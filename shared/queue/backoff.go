package queue

import (
	"math/rand/v2"
	"time"
)

// backoff is the pause after the n-th delivery failed. Half of it is random, so
// that messages that failed together are not redelivered together.
func backoff(first, longest time.Duration, n int) time.Duration {
	pause := doubled(first, longest, n)
	if pause < 2 {
		return pause
	}
	return pause/2 + rand.N(pause/2)
}

// doubled returns the n-th value of a series that doubles up to a limit.
func doubled(first, longest time.Duration, n int) time.Duration {
	for ; n > 1 && first < longest; n-- {
		first *= 2
	}
	return min(first, longest)
}
