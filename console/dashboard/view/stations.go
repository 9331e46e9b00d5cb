package view

import (
	"cmp"
	"slices"
	"strings"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/internal/shown"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// station is one place of the pipeline where a service stands.
type station struct {
	Element  string
	Name     string
	Does     string // what it does at this place
	Ledger   string
	Count    uint64
	Rate     float64
	Replicas []mark
	More     int // replicas without a mark
	Alive    int
	Troubled int    // replicas that report a problem
	Problem  string // the first one that is reported
	Controls bool   // it can be scaled here
}

// mark stands for one replica.
type mark struct {
	Title    string // its instance, and its problems
	Troubled bool
}

func newMark(r service.Status) mark {
	return mark{Title: shown.Text(strings.Join(append([]string{r.Instance}, r.Problems...), " · ")), Troubled: len(r.Problems) > 0}
}

// marks is how many replicas get a mark of their own.
const marks = 12

// places are where services stand, in the order a request passes them.
var places = [...]struct {
	service, does string
	first         bool // of the service's places: it is scaled there
}{
	{topology.Requestor, "asks", true},
	{topology.Generator, "makes a string", true},
	{topology.Requestor, "stores it", false},
	{topology.Generator, "notes the receipt", false},
}

func newStations(s feed.Snapshot, o Options) []station {
	// They answer in any order; the page shows them in the same one.
	replicas := slices.SortedFunc(slices.Values(s.Status.Replicas), func(a, b service.Status) int {
		return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.Instance, b.Instance))
	})
	stations := make([]station, len(places))
	for i, place := range places {
		ledger := topology.LedgerNames[i]
		v := station{
			Element: "service-" + ledger, Name: place.service, Does: place.does,
			Ledger: ledger, Count: s.Status.Ledgers[ledger], Rate: s.Rates.Ledgers[ledger],
			Alive:    s.Status.Alive(place.service),
			Controls: o.Fleets && !o.ReadOnly && place.first,
		}
		for _, r := range replicas {
			if r.Service != place.service {
				continue
			}
			if len(r.Problems) > 0 {
				v.Troubled++
				v.Problem = cmp.Or(v.Problem, shown.Text(r.Problems[0]))
			}
			if len(v.Replicas) == marks {
				v.More++
				continue
			}
			v.Replicas = append(v.Replicas, newMark(r))
		}
		stations[i] = v
	}
	return stations
}
