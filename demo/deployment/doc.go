// Package deployment defines what can be done from outside to the two services and their
// broker, wherever they run. Scenarios are written against it, so that one
// scenario runs in one process, as several processes, in containers, or on a
// cluster.
//
//	scenario ──▶ Deployment ──▶ replicas: scale, kill, settings
//	    │             └───────▶ broker:   stop, kill, start
//	    └──────▶ Operator ────▶ everything else, with the console's library
package deployment
