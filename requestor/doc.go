// Package requestor is the service that asks for strings and stores them. It
// knows three queues and its own two ledgers, and does not know the generator.
//
//	Ask ─▶ REQUESTS, then store in "asked"
//	RESPONSES ─▶ store: store the string in "stored", publish the receipt
package requestor
