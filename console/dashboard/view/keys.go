package view

import (
	"fmt"
	"slices"
)

// Key is a keyboard shortcut for a presenter. A button has the key of what it
// does, in the words of these lists.
type Key struct{ Key, Does string }

var (
	helpKeys   = []Key{{"?", "show this list, or close it"}}
	actionKeys = []Key{
		{"1", "send 1 request"}, {"2", "send 100 requests"}, {"3", "send 1,000 requests"}, {"4", "send a malformed message"},
		{"q", "pause or resume REQUESTS"}, {"w", "pause or resume RESPONSES"}, {"e", "pause or resume RECEIPTS"},
		{"d", "drain: wait until everything is finished"}, {"v", "verify: prove it from the ledgers"},
		{"r", "redrive all dead letters"},
	}
	fleetKeys = []Key{
		{"a", "one requestor less"}, {"s", "one requestor more"}, {"x", "crash a requestor"},
		{"f", "one generator less"}, {"g", "one generator more"}, {"c", "crash a generator"},
	}
)

// keys are the shortcuts of a page with those options.
func (o Options) keys() []Key {
	switch {
	case o.ReadOnly:
		return helpKeys
	case o.Fleets:
		return slices.Concat(helpKeys, actionKeys, fleetKeys)
	}
	return slices.Concat(helpKeys, actionKeys)
}

// key is the key for what a button does.
func key(does string) (string, error) {
	for _, k := range slices.Concat(actionKeys, fleetKeys) {
		if k.Does == does {
			return k.Key, nil
		}
	}
	return "", fmt.Errorf("there is no key to %s", does)
}
