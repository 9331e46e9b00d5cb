// Package generator is the service that makes the strings. It knows two queues
// and its own two ledgers, and nothing of who asks.
//
//	REQUESTS ─▶ answer: make a string, keep it in "generated", publish the response
//	RECEIPTS ─▶ markReceived: keep the receipt in "received"
package generator
