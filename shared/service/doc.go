// Package service is what every program of this project needs around its
// actual work: settings, log, connection, health, metrics, status, shutdown.
//
// A program is a value; its main function is one call:
//
//	func main() {
//		var options Options // embeds service.Settings
//		service.Program{
//			Name:    "requestor",
//			About:   "Asks for random strings and stores them.",
//			Options: &options,
//			Run: func(ctx context.Context, s *service.Service) error {
//				return work(ctx, s, options)
//			},
//		}.Main()
//	}
//
// # Life of a program
//
//	Main ─▶ settings ─▶ log ─▶ /livez /readyz /metrics ─▶ connection ─▶ status.<name> ─▶ Run(ctx, service)
//	           │                     │                        │                              │
//	     wrong: exit 2       address taken: exit 1    always retried; what          works, whether or
//	                                                  can never work: exit 1        not NATS is there
//
//	Run returned ───────────────────────────────────────────────────────────┐
//	SIGTERM, SIGINT, SIGHUP ──────▶ /readyz 503, ctx ends ─▶ Run finishes   ├─▶ flush ─▶ close ─▶ "stopped"
//	connection closed for good ───▶ ctx ends ──────────────▶ its work in    │             exit 0, or 1 for an error
//	the broker is too old ────────▶                          progress ──────┘
//	a second signal: the process ends at once
//
// From the signal to the end of the process it takes at most the shutdown
// timeout, GRACE: one deadline for Run, for the flush and for requests to
// /metrics. What takes longer is cut off, and one line reports it.
//
// NATS may be down at the start, or go down at any time: the client reconnects
// without end, the log reports now and then why it fails, /readyz answers 503, and
// calls of Run to NATS fail or wait. A program ends only when it can never work: with
// wrong settings, or a broker that is too old (CheckBroker).
//
// A SIGHUP that was ignored at the start, as under nohup, stays ignored. A program
// outlives the reader of its log.
//
// # Exit codes
//
//	0  done, or stopped by a signal
//	1  failed; for healthcheck: not ready
//	2  wrong usage: the message names the flag (and what Go ends a panic with)
//
// The parts can be used alone: Broker and Connect by a program that is no service, New
// by a program that runs several services, Status by a program that asks the replicas.
package service
