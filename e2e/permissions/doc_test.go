// Package permissions_test proves what each user of the broker can do and what
// not, on a nats-server with the configuration in deploy/nats, and that it is
// enough for the services and the console.
package permissions_test
