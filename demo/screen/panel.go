package screen

import (
	"fmt"
	"strings"
	"time"

	"decoupled.example/console/status"
	"decoupled.example/shared/topology"
)

// barWidth is how many cells the bar of the deepest queue takes.
const barWidth = 18

// panel is the status as lines for a terminal.
func panel(now status.Status, rates status.Rates, elapsed time.Duration) []string {
	lines := []string{
		"",
		fmt.Sprintf("  %s   requestor %s   generator %s", clock(elapsed),
			marks(now.Alive(topology.Requestor)), marks(now.Alive(topology.Generator))),
		"",
		"  queue          depth   waiting   in flight   redelivered",
	}
	deepest := uint64(1)
	for _, q := range now.Queues {
		deepest = max(deepest, q.Messages)
	}
	for _, q := range now.Queues {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("  %-10s %9s %9s %11s %13s   %s", q.Queue, thousands(q.Messages), thousands(q.Waiting),
			thousands(uint64(q.InFlight)), thousands(uint64(q.Redelivered)), bar(q.Messages, deepest)), " "))
	}
	lines = append(lines, "", "  ledger         count    a second")
	for _, name := range topology.LedgerNames {
		lines = append(lines, fmt.Sprintf("  %-10s %9s %11s", name, thousands(now.Ledgers[name]), perSecond(rates, name)))
	}
	return append(lines, "", fmt.Sprintf("  deliveries repeated %s   dead letters %s", thousands(now.Repeated()), thousands(now.DeadLetters)), "")
}

// line is the status as one line for a file or a pipe.
func line(now status.Status, rates status.Rates, elapsed time.Duration) string {
	var b strings.Builder
	b.WriteString(clock(elapsed))
	for _, q := range now.Queues {
		fmt.Fprintf(&b, "  %s %d", q.Queue, q.Messages)
	}
	for _, name := range topology.LedgerNames {
		fmt.Fprintf(&b, "  %s %d (%s/s)", name, now.Ledgers[name], perSecond(rates, name))
	}
	fmt.Fprintf(&b, "  requestors %d  generators %d  dead %d", now.Alive(topology.Requestor), now.Alive(topology.Generator), now.DeadLetters)
	return b.String()
}

// perSecond is how fast a ledger grew.
func perSecond(rates status.Rates, ledger string) string {
	rate, known := rates.Ledgers[ledger]
	if !known {
		return "-"
	}
	return fmt.Sprintf("%.0f", rate)
}

// bar is never empty for a queue that is not.
func bar(n, deepest uint64) string {
	cells := n * barWidth / deepest
	if n > 0 {
		cells = max(cells, 1)
	}
	return strings.Repeat("█", int(cells))
}

// marks shows each replica, so that none can be mistaken for some.
func marks(n int) string {
	if n == 0 {
		return "none"
	}
	if n > 16 {
		return fmt.Sprintf("×%d", n)
	}
	return strings.Repeat("●", n)
}

func clock(d time.Duration) string {
	d = d.Round(time.Second)
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// thousands groups the digits of a number.
func thousands(n uint64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
