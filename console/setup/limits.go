package setup

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/topology"
)

// invalidConfig is the server's code for a stream whose configuration it refuses.
const invalidConfig jetstream.ErrorCode = 10052

// duplicatesLimit matches the text in which the server states its longest deduplication
// window. No request returns it.
var duplicatesLimit = regexp.MustCompile(`duplicates window can not be larger the[na] server limit of ([0-9a-zµ.]+)`)

// limit returns the broker's longest deduplication window if the broker refused a stream
// because of it; otherwise 0.
func (s *setup) limit(refused error) time.Duration {
	var api jetstream.JetStreamError
	if !errors.As(refused, &api) || api.APIError() == nil || api.APIError().ErrorCode != invalidConfig {
		return 0
	}
	found := duplicatesLimit.FindStringSubmatch(api.APIError().Description)
	if found == nil {
		return 0
	}
	limit, _ := time.ParseDuration(found[1])                                // 0: it says something else
	if s.settings.MaxDuplicates != 0 && limit >= s.settings.MaxDuplicates { // which was heeded
		return 0
	}
	return limit
}

// learn adopts a limit that caused a refusal, and reports whether it is new.
func (s *setup) learn(refused error) bool {
	limit := s.limit(refused)
	if limit <= 0 {
		return false
	}
	s.settings.MaxDuplicates = limit
	return true
}

// felt records the limits of the broker that make a difference.
func (s *setup) felt() {
	say := func(format string, args ...any) {
		s.result.Limits = append(s.result.Limits, fmt.Sprintf(format, args...))
	}
	streams, err := topology.Streams(s.settings)
	if err != nil { // it was checked
		return
	}
	if takes := streams[0].MaxMsgSize; takes < topology.MaxMessage {
		say("the broker takes messages of up to %d bytes (max_payload): queues take up to %d bytes instead of %d, so that each message fits into a dead letter",
			s.settings.MaxPayload, takes, topology.MaxMessage)
	}
	if limit := s.settings.MaxDuplicates; limit > 0 {
		say("the broker deduplicates for %v at most (duplicates): what is published again later than that is stored twice, and done once", limit)
	}
	if s.batch > 0 {
		say("the broker gives a replica at most %d messages at once (max_batch): the queues are slower for it", s.batch)
	}
}
