// Package baseline does the generator's work without a queue, so that scenario
// coupled can compare: as a call to one of several HTTP servers in turn, and as a
// process for each request. It is the usual first version of such code, without retries.
package baseline
