// Package kubernetes_test deploys on a real cluster. It executes the commands in
// docs/kubernetes.md and then does what happens to clusters: it scales, restarts
// under load, and removes everything.
//
// It creates namespaces, including the one that the page uses, and removes them. It
// runs only where that is allowed explicitly:
//
//	DECOUPLED_E2E_CONTEXT=kind-kind go test ./e2e/kubernetes
//
// is for the cluster of that name among kubectl's contexts, whichever is the
// current one. The images must be in the cluster.
package kubernetes_test
