// Command generator makes a random string for each request.
package main

import (
	"context"

	"decoupled.example/generator"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

func main() {
	var options struct {
		generator.Options `group:"Work:"`
		service.Settings
	}
	service.Program{
		Name:    topology.Generator,
		About:   "Makes a random string for each request, and takes note of what was received.",
		Options: &options,
		Run: func(ctx context.Context, s *service.Service) error {
			return generator.Serve(ctx, s, options.Options)
		},
	}.Main()
}
