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
//	     wrong: exit 2       address taken: exit 1    tried for ever; what              works, whether or
//	                                                  can never work: exit 1            not NATS is there
//
//	Run returned ──────────────────────────────────────────────────────┐
//	SIGTERM, SIGINT ──────────────▶ /readyz 503, ctx ends ─▶ Run       ├─▶ flush ─▶ close ─▶ "stopped"
//	connection closed for good ───▶ ctx ends ──────────────▶ finishes ─┘             exit 0, or 1 for an error
//	                                                         what it has in hand
//	a second signal: the process ends at once
//
// NATS may be away at the start, or go away at any time: the connection is
// tried again for ever, the log says now and then why it fails, /readyz says
// 503, and calls of Run to NATS fail or wait as they would in any outage. Only
// settings that can never work end a program.
//
// # Exit codes
//
//	0  done, or stopped as it was told to
//	1  failed; for healthcheck: not ready
//	2  wrong usage: the message names the flag (and what Go ends a panic with)
//
// The parts are usable one by one: Broker and Connect for a program that is no
// service, New for several services in one process, Status for whoever asks the
// replicas.
package service
