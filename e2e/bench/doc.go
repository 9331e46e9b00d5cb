// Package bench measures how close the services come to what the broker itself
// can do.
//
//	go test -run '^$' -bench . ./e2e/bench/
//
// The broker is a process of its own, reached over loopback. What is compared is
// run in turn, round by round, and told as the median of the rounds: machines
// differ and are noisy, so only the ratios of one run mean something. README.md
// holds the figures and where they were taken.
package bench
