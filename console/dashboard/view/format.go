package view

import (
	"strconv"
	"strings"
	"time"
)

// count is a number with its thousands apart.
func count(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// brief is a round number in few letters.
func brief(n uint64) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return count(n/1_000_000) + "M"
	case n >= 1000 && n%1000 == 0:
		return count(n/1000) + "k"
	}
	return count(n)
}

// size is the class of a large number on the page, so that a long one fits too.
func size(n uint64) string {
	switch digits := len(strconv.FormatUint(n, 10)); {
	case digits <= 4:
		return "short"
	case digits == 5:
		return "medium"
	case digits == 6:
		return "long"
	}
	return "longer"
}

// rate is how many a second.
func rate(perSecond float64) string {
	switch {
	case perSecond < 0.05:
		return "0"
	case perSecond < 9.95:
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return count(uint64(perSecond + 0.5))
}

// span is a time in the unit that suits it.
func span(d time.Duration) string {
	number := func(unit time.Duration, name string) string {
		n := float64(d) / float64(unit)
		digits := 1
		if n >= 99.95 {
			digits = 0
		}
		return strconv.FormatFloat(n, 'f', digits, 64) + " " + name
	}
	switch {
	case d <= 0:
		return "0 ms"
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + " µs"
	case d < time.Second:
		return number(time.Millisecond, "ms")
	case d < time.Minute:
		return number(time.Second, "s")
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min " + strconv.Itoa(int(d.Seconds())%60) + " s"
	}
	return strconv.Itoa(int(d.Hours())) + " h " + strconv.Itoa(int(d.Minutes())%60) + " min"
}

// fraction is a coordinate of a drawing.
func fraction(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }
