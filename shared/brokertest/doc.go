// Package brokertest runs real nats-servers for tests: one, or a cluster of
// three, in the test's own process, with JetStream on disk in a folder of the
// test's own. Nothing of the broker is imitated.
//
// A Broker can be stopped and started again on the same port with the same
// data, so that a test sees what a service sees when its broker is restarted.
// What needs a broker that dies without a goodbye (SIGKILL) runs one as a
// process instead: see the end-to-end tests.
package brokertest
