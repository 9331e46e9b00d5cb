package view

// Key is a keyboard shortcut for a presenter.
type Key struct{ Key, Does string }

// keys are the shortcuts of a page with those options.
func (o Options) keys() []Key {
	keys := []Key{{"?", "show this list, or close it"}}
	if o.ReadOnly {
		return keys
	}
	keys = append(keys,
		Key{"1", "send 1 request"}, Key{"2", "send 100"}, Key{"3", "send 1,000"}, Key{"4", "send a malformed message"},
		Key{"q", "pause or resume REQUESTS"}, Key{"w", "pause or resume RESPONSES"}, Key{"e", "pause or resume RECEIPTS"},
		Key{"d", "drain: wait until everything is finished"}, Key{"v", "verify: prove it from the ledgers"},
		Key{"r", "redrive all dead letters"},
	)
	if o.Fleets {
		keys = append(keys,
			Key{"a", "one requestor less"}, Key{"s", "one requestor more"}, Key{"x", "crash a requestor"},
			Key{"f", "one generator less"}, Key{"g", "one generator more"}, Key{"c", "crash a generator"},
		)
	}
	return keys
}
