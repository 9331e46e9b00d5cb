// Package containers_test runs the images, on the real broker's image with the
// configuration of deploy/nats, and does to them what happens to containers:
// they are stopped, killed, frozen and cut off from their network.
//
// It needs Docker and skips without; where CI is set it must not.
package containers_test
