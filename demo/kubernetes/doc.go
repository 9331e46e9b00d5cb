// Package kubernetes deploys on a cluster, with kubectl: the project's own
// manifests, in a namespace of its own beside any other, which is removed in the
// end. Everything is as in deploy/kubernetes, users, passwords, limits, policies
// and a broker that syncs every write to the disk; only the services' settings are
// the scenario's, and the broker has one user more, the scenario's own.
//
//	this program ──▶ kubectl apply, scale, set env, delete
//	     └──NATS──▶ kubectl port-forward, one a node of the broker
package kubernetes
