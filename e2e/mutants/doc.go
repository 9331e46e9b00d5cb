// Package mutants breaks the code on purpose, one guarantee at a time, and shows
// that a test notices. A mutant replaces a text that occurs once in one file, and
// names the tests that must fail with the replacement in place.
//
//	go test -count=1 ./e2e/mutants                   # each replacement still fits the code
//	go test ./e2e/mutants -mutants -timeout 4h       # apply each one and run its tests
//	go test ./e2e/mutants -mutants -run 'Mutants/shared/publish'
//	go test ./e2e/mutants -mutants -mutants.since main~5
//
// With -mutants.since, only the mutants of files that have changed since that
// commit run, and a tenth of the others, another tenth each day.
package mutants
