// Package kubernetes_test deploys on a real cluster, and does there what the
// README says and what happens to clusters: everything is scaled, restarted under
// load, and taken away.
//
// It makes namespaces, also the one that the README names, and removes them. So it
// runs only where that is said to be fine:
//
//	DECOUPLED_E2E_CONTEXT=kind-kind go test ./e2e/kubernetes
//
// is for the cluster of that name among kubectl's contexts, whichever is the
// current one. The images must be in the cluster.
package kubernetes_test
