package topology

import "github.com/nats-io/nats.go/jetstream"

// Streams returns the configuration of every stream: queues, dead letters,
// ledgers, attempt records. It fails when a setting is out of range.
func Streams(settings Settings) ([]jetstream.StreamConfig, error) {
	s, err := settings.complete()
	if err != nil {
		return nil, err
	}
	streams := []jetstream.StreamConfig{
		queueStream(Requests, SubjectRequest, "requests for the generator", s),
		queueStream(Responses, SubjectResponse, "responses for the requestor", s),
		queueStream(Receipts, SubjectReceipt, "what the requestor has stored, for the generator", s),
		{
			Name:        DeadLetters,
			Description: "messages set aside, with the reason",
			Subjects:    []string{SubjectDead + ".>"},
			// Not a work queue: that could not be looked at.
			Retention:   jetstream.LimitsPolicy,
			Storage:     jetstream.FileStorage,
			Replicas:    s.Replicas,
			MaxBytes:    s.MaxBytes,
			Discard:     jetstream.DiscardNew, // when full, the message stays in its queue
			Duplicates:  s.duplicates(deduplicateLetters),
			AllowDirect: true,
		},
	}
	for _, name := range LedgerNames {
		streams = append(streams, ledgerStream(name, s))
	}
	return append(streams, jetstream.StreamConfig{
		Name:              "KV_" + Attempts,
		Description:       "failed attempts at messages",
		Subjects:          []string{"$KV." + Attempts + ".>"},
		Storage:           jetstream.FileStorage,
		Replicas:          s.Replicas,
		MaxMsgsPerSubject: 1,
		MaxMsgSize:        maxEntry,
		MaxAge:            attemptsExpire,
		Duplicates:        s.duplicates(deduplicate),
		Discard:           jetstream.DiscardNew,
		AllowRollup:       false, // both services write here: one would wipe the other's records
		AllowDirect:       true,
	}), nil
}

// queueStream is a work queue. An acked message is removed, so the number of messages
// is exactly the unfinished work.
func queueStream(name, subject, description string, s Settings) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               name,
		Description:        description,
		Subjects:           []string{subject},
		Retention:          jetstream.WorkQueuePolicy,
		Storage:            jetstream.FileStorage,
		Replicas:           s.Replicas,
		MaxBytes:           s.MaxBytes,
		MaxMsgSize:         int32(s.maxMessage()),
		Discard:            jetstream.DiscardNew, // back-pressure: refuse the new, never drop the old
		Duplicates:         s.duplicates(deduplicate),
		AllowAtomicPublish: s.SyncAlways,
		// No MaxAge: nothing in a queue expires.
	}
}

// ledgerStream is a key-value bucket in which the broker itself enforces that the first
// write wins: one message for each subject, a second one is refused, and no roll-up.
func ledgerStream(name string, s Settings) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:                 "KV_" + name,
		Description:          "ledger: each key is written once",
		Subjects:             []string{"$KV." + name + ".>"},
		Storage:              jetstream.FileStorage,
		Replicas:             s.Replicas,
		MaxAge:               s.Keep,
		Duplicates:           s.ledgerDuplicates(),
		MaxMsgsPerSubject:    1,
		MaxMsgSize:           maxEntry,
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		AllowRollup:          false,
		AllowAtomicPublish:   s.SyncAlways,
		AllowDirect:          true,
	}
}

// Consumer is a durable consumer and its stream.
type Consumer struct {
	Stream string
	jetstream.ConsumerConfig
}

// Consumers returns the consumer of each queue. It fails when a setting is out
// of range.
func Consumers(settings Settings) ([]Consumer, error) {
	s, err := settings.complete()
	if err != nil {
		return nil, err
	}
	var consumers []Consumer
	for _, queue := range QueueNames {
		consumers = append(consumers, Consumer{Stream: queue, ConsumerConfig: jetstream.ConsumerConfig{
			Durable:   ConsumerOf(queue),
			AckPolicy: jetstream.AckExplicitPolicy,
			AckWait:   s.AckWait,
			// The services decide when a message is given up: the broker cannot
			// tell a bad message from a bad day, and stops delivering silently.
			MaxDeliver: -1,
			// With the default of 1000 one replica can hold everything.
			MaxAckPending: -1,
			// InactiveThreshold stays 0: scaled to zero, the consumer stays.
		}})
	}
	return consumers, nil
}
