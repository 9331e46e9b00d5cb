// Package requestor is the service that asks for strings and stores them. It
// knows three queues and its own two ledgers, and nothing of who answers.
//
//	Ask ─▶ REQUESTS, then keep in "asked"
//	RESPONSES ─▶ store: keep the string in "stored", publish the receipt
package requestor
