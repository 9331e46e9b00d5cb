// Command requestor asks for random strings and stores them.
package main

import (
	"context"

	"decoupled.example/requestor"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

func main() {
	var options struct {
		requestor.Options `group:"Work:"`
		service.Settings
	}
	service.Program{
		Name:    topology.Requestor,
		About:   "Asks for random strings at a steady rate, and stores what is answered.",
		Options: &options,
		Run: func(ctx context.Context, s *service.Service) error {
			return requestor.Serve(ctx, s, options.Options)
		},
	}.Main()
}
