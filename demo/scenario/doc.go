// Package scenario holds what this project claims, each claim as something that
// anyone can run: one file a scenario, with the claim, what to predict before it
// runs, the steps, and the verdict. The end-to-end tests run these very scenarios.
//
// A scenario's steps are those of package stage. What depends on the machine's
// speed is measured and shown, never judged, unless the long run is asked for.
package scenario
