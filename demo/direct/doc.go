// Package direct does the generator's job without a queue, to be compared with:
// as a call to one of several HTTP servers, in turn, and as a process for each
// request. It is written as one writes such a thing first, without retries.
package direct
