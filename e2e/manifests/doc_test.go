// Package manifests_test checks the manifests of deploy/kubernetes without a
// cluster: that they build, decode, keep to the rules of security, and agree with
// the code and with each other. What they do is for e2e/kubernetes to see.
//
// go test remembers results, and does not notice changed files of another folder:
// after changing a manifest it takes -count=1.
package manifests_test
