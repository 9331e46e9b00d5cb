// Package processes runs both services and their broker as processes of their
// own, so that real signals can hit them: binaries built once into a temporary
// folder, the broker this very program in another role, ports and folders that
// nothing else uses.
//
//	this program ─┬─▶ broker (this program again), a folder and ports of its own
//	              ├─▶ requestor, requestor, …
//	              └─▶ generator, generator, …
//
// Nothing is left behind. The children are in process groups of their own, so an
// interrupt at the terminal reaches only this program, which then ends them. On
// Linux the kernel ends them too should this program be killed.
package processes
