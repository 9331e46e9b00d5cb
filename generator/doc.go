// Package generator is the service that makes the strings. It knows two queues
// and its own two ledgers, and does not know the requestor.
//
//	REQUESTS ─▶ answer: make a string, store it in "generated", publish the response
//	RECEIPTS ─▶ markReceived: store the receipt in "received"
package generator
