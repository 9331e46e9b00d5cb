package main

import (
	"cmp"
	"strings"
	"time"

	"decoupled.example/console/setup"
	"decoupled.example/shared/topology"
)

type setupCommand struct {
	Replicas   int           `default:"1" env:"REPLICAS" help:"Replicas of every stream: 1, or 3 on a cluster."`
	AckWait    time.Duration `default:"10s" env:"ACK_WAIT" help:"Ack wait: after this time an unacknowledged message is redelivered."`
	MaxBytes   int64         `default:"1073741824" env:"MAX_BYTES" help:"Size of each queue; a full one slows its publishers."`
	Keep       time.Duration `default:"0s" env:"KEEP" help:"Retention of the ledgers. 0: no end."`
	SyncAlways bool          `env:"SYNC_ALWAYS" help:"The broker syncs every write to the disk before it confirms (sync_interval: always): take messages in atomic batches, which are synced once."`
	Update     bool          `help:"Change what differs, where that loses nothing and can be done while messages are there and replicas run."`
}

func (c setupCommand) settings() topology.Settings {
	return topology.Settings{Replicas: c.Replicas, AckWait: c.AckWait, MaxBytes: c.MaxBytes, Keep: c.Keep, SyncAlways: c.SyncAlways}
}

// Validate names the setting that is out of range. Kong calls it.
func (c setupCommand) Validate() error {
	_, err := topology.Streams(c.settings())
	return err
}

// Run creates or checks everything.
func (c setupCommand) Run(s *session) error {
	apply := setup.Apply
	if c.Update {
		apply = setup.Update
	}
	result, err := apply(s.ctx, s.js, c.settings())
	printed := s.print(result, func() {
		if err != nil {
			return
		}
		for _, line := range []struct {
			what  string
			names []string
		}{{"made", result.Created}, {"changed", result.Updated}, {"present, as they should be", result.Present}} {
			if len(line.names) > 0 {
				s.say("%s: %s", line.what, strings.Join(line.names, ", "))
			}
		}
		for _, limit := range result.Limits {
			s.say("limit: %s", limit)
		}
	})
	return cmp.Or(err, printed)
}
