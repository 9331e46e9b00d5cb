package dashboard_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/dashboard"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// A presenter's story: nobody answers, a burst waits, someone comes and it drains.
func TestScaledToZeroTheWorkWaitsAndIsDoneLater(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	services := &fleets{bed: b}
	page := open(t, serve(t, b, dashboard.Options{Fleets: services}))
	page.shows("#state", "live")
	page.shows("#service-generated .replicas", "nobody")
	page.press("s") // one requestor more
	page.press("g")
	page.until("document.querySelectorAll('#service-generated .replicas li:not(.nobody)').length === 1")
	page.press("f")
	page.shows("#service-generated .replicas", "nobody")
	page.shows("#service-received .alive", "0 replicas")

	page.press("3")
	page.shows("#note", "sent 1000 requests")
	page.shows("#queue-REQUESTS .depth", "1,000")
	page.shows("#service-asked .odometer", "1,000")
	page.until("document.querySelector('#queue-REQUESTS .fill.waiting').getAttribute('height') > 40")
	page.until("document.querySelector('#chart .band.q1').getBBox().height > 40")
	page.shows("#requests", "in REQUESTS")
	page.press("2")
	page.shows("#queue-REQUESTS .depth", "1,100")

	page.press("g")
	page.until("document.querySelectorAll('#service-generated .replicas li:not(.nobody)').length === 1")
	page.press("d")
	page.shows("#note", "drained after")
	page.shows("#service-received .odometer", "1,100")
	page.until("document.querySelector('#queue-REQUESTS .depth').textContent === '0'")
	page.until("document.querySelectorAll('#latency strong')[0].textContent !== '–'")
	page.press("v")
	page.shows("#note", "verified, OK: 1100 complete, 0 lost")
	page.clean()
}

func TestOneRequestsLife(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	page := open(t, serve(t, b, dashboard.Options{}))
	b.Services()
	page.press("1")
	page.until("document.querySelector('#requests td strong') !== null") // it is finished
	page.click("#requests a")
	page.until("document.querySelector('#detail').open")
	page.shows("#detail", "received")
	page.shows("#detail .where", "finished")
	page.click("#detail [data-close]")
	page.until("!document.querySelector('#detail').open")
	page.clean()
}

func TestPage_ShowsAndRedrivesPoison(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	page := open(t, serve(t, b, dashboard.Options{}))
	stop := b.Generator(generator.Options{Fail: 1})
	b.Ask(1)
	page.shows("#verdict .dead", "1")
	page.shows("#letters summary", generator.ErrChosen.Error())
	page.shows("#requests", "dead letter")
	stop()
	b.Services()
	page.press("r")
	page.shows("#note", "redriven: 1")
	page.shows("#letters .empty", "nothing was dead-lettered")
	page.shows("#service-received .odometer", "1")
	page.until("!document.querySelector('#verdict .dead, #verdict .bad')")
	page.clean()
}

func TestPage_ReportsALostBrokerAndRecovers(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	page := open(t, serve(t, b, dashboard.Options{}))
	page.shows("#state", "live")
	require.Empty(t, value[string](page, "document.querySelector('#banner').textContent"))
	b.Broker.Stop()
	page.shows("#banner", "The connection to the broker is lost")
	page.shows("#state", "lost")
	page.press("1")
	page.shows("#note", "not connected to the broker")
	b.Broker.Restart()
	page.until("document.querySelector('#banner').textContent === ''")
	page.shows("#state", "live")
	page.press("1")
	page.shows("#queue-REQUESTS .depth", "1")
	page.clean()
}

func TestPage_ReportsALostDashboardAndRecovers(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	serve := func(address string) (at string, stop func()) {
		listener, err := dashboard.Listen(address, false)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- dashboard.New(b.JS, b.Topology, dashboard.Options{}, b.Log()).Serve(ctx, listener) }()
		return listener.Addr().String(), func() { cancel(); require.NoError(t, <-ended) }
	}
	address, stop := serve(quietPort(t))
	page := open(t, "http://"+address)
	page.shows("#state", "live")
	stop()
	page.until("!document.querySelector('#unplugged').hidden")
	page.press("1")
	page.shows("#note", "the dashboard does not answer; nothing may have been done")
	b.Ask(5)
	_, stop = serve(address)
	defer stop()
	page.until("document.querySelector('#unplugged').hidden")
	page.shows("#queue-REQUESTS .depth", "5")
}

// quietPort is an address that nobody gets who asks for any free port, so that it
// is still free when a test comes back to it.
func quietPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000))
		if listener, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, listener.Close())
			return address
		}
	}
	require.Fail(t, "there is no free port")
	return ""
}

func TestAPausedQueueIsUnmistakable(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	page := open(t, serve(t, b, dashboard.Options{}))
	page.press("w")
	page.shows("#queue-RESPONSES", "PAUSED")
	page.until("document.querySelector('#queue-RESPONSES').ariaLabel === 'queue RESPONSES, paused'")
	page.shows("#queue-RESPONSES button", "resume")
	page.press("w")
	page.shows("#queue-RESPONSES button", "pause")
	page.until("!document.querySelector('#queue-RESPONSES').textContent.includes('PAUSED')")
	page.clean()
}

func TestTheListOfKeysOpensAndCloses(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	page := open(t, serve(t, b, dashboard.Options{}))
	const isOpen = "document.querySelector('#keys').open"
	const focused = "document.activeElement.matches('#keys *')"
	page.press("?")
	page.until(isOpen + " && " + focused)
	page.press("?")
	page.until("!" + isOpen)
	page.click(".help a")
	page.until(isOpen + " && " + focused)
	page.click("#keys [data-close]")
	page.until("!" + isOpen + " && document.activeElement.matches('.help a')")
	page.press("?")
	page.do(chromedp.MouseClickXY(5, 5)) // beside it
	page.until("!" + isOpen)
	page.clean()
}

func TestAReadOnlyPageHasNoButtons(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.PlantDead(1)
	page := open(t, serve(t, b, dashboard.Options{ReadOnly: true, Fleets: &fleets{bed: b}}))
	page.shows("#verdict .dead", "1")
	page.shows("#letters summary", "decoupled.future.v99")
	require.Zero(t, value[int](page, "document.querySelectorAll('button, form, input').length"))
	page.press("1")
	page.press("q")
	page.clean()
	require.Zero(t, b.Messages(topology.Requests))
}

// What anyone wrote into a message is shown as it is, and does nothing. What is
// open stays open while the page changes.
func TestHostileMessagesAreShownAndNotExecuted(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	const body = `<script>hacked=1</script><img src=x onerror="hacked=1">"><svg onload=hacked=1> {{.}} ` + "\x1b[2J\u202e"
	b.PublishRaw(topology.SubjectDead+".<svg/onload=hacked=1>.unknown", strings.Join([]string{
		"NATS/1.0",
		"Dead-Reason: <script>hacked=2</script>",
		`Dead-Deliveries: "><script>hacked=3</script>`,
		"Original-<script>: </pre></details><script>hacked=4</script>",
		"Nats-Sequence: 4711", "Nats-Subject: another", "Status: 404", // words of the broker
		"\r\n",
	}, "\r\n"), body)
	b.PublishRaw(topology.SubjectDead+".REQUESTS.unknown", "NATS/1.0\r\nno header at all\r\n\r\n", "x")

	page := open(t, serve(t, b, dashboard.Options{}))
	page.until("document.querySelectorAll('#letters li').length === 2") // one has headers that cannot be read
	page.click("[id^=letter-1-] summary")
	page.shows("[id^=letter-1-] dl", `<script>hacked=1</script><img src=x onerror="hacked=1">`)
	page.shows("[id^=letter-1-] dl", `\x1b[2J\u202e`)
	page.shows("[id^=letter-1-] .reason", `<script>hacked=2</script>`)
	before := value[string](page, "document.querySelector('#state time').textContent")
	page.until("document.querySelector('#state time').textContent !== '" + before + "'")
	b.PublishRaw(topology.SubjectDead+".REQUESTS.unknown", "NATS/1.0\r\nDead-Reason: late\r\n\r\n", "y")
	page.shows("#letters li:first-child .reason", "late")
	page.until("document.querySelectorAll('#letters li').length === 3")
	require.True(t, value[bool](page, "document.querySelector('[id^=letter-1-] details').open"))
	require.Equal(t, "undefined", value[string](page, "typeof hacked"))
	require.Zero(t, value[int](page, "document.querySelectorAll('#letters script, #letters img, #letters svg').length"))
	page.clean()
}

// fits is true when an element is in the window as a whole.
const fits = `(selector => { const r = document.querySelector(selector).getBoundingClientRect(); return r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight && r.right <= innerWidth; })`

// faint are the texts with less contrast to what is painted behind them than 4.5
// to 1.
const faint = `(() => {
	const parse = c => { const v = (c.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number); return v.length < 4 ? [...v, 1] : v; };
	const over = ([r, g, b, a], below) => [r, g, b].map((x, i) => a * x + (1 - a) * below[i]);
	const light = ([r, g, b]) => { const f = x => (x /= 255) <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
	const gray = ([r, g, b]) => Array(3).fill(.2126 * r + .7152 * g + .0722 * b);
	const paint = e => {
		const style = getComputedStyle(e);
		if (!(e instanceof SVGElement)) return parse(style.backgroundColor);
		if (e.tagName === 'svg' || e.tagName === 'text' || !style.fill.startsWith('rgb')) return [0, 0, 0, 0];
		const [r, g, b, a] = parse(style.fill);
		return [r, g, b, a * style.opacity * style.fillOpacity];
	};
	const found = [];
	for (const e of document.querySelectorAll('body *')) {
		const text = [...e.childNodes].find(n => n.nodeType === 3 && n.data.trim());
		if (!text || !e.checkVisibility()) continue;
		const name = e.tagName + '.' + e.getAttribute('class') + ' ' + e.textContent.trim();
		e.scrollIntoView({ block: 'center', behavior: 'instant' });
		const range = document.createRange();
		range.selectNodeContents(text);
		const r = range.getClientRects()[0];
		const stack = document.elementsFromPoint(r.x + r.width / 2, r.y + r.height / 2);
		const layers = [...stack.slice(stack.indexOf(e)), document.documentElement];
		if (!stack.includes(e)) { found.push('covered: ' + name); continue; }
		let behind = layers.reverse().reduce((below, layer) => over(paint(layer), below), [255, 255, 255]);
		let ink = parse(e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color);
		for (let at = e; at; at = at.parentElement) {
			const filter = getComputedStyle(at).filter;
			if (filter === 'grayscale(1)') [behind, ink] = [gray(behind), gray(ink)];
			else if (filter !== 'none' || getComputedStyle(at).opacity !== '1') found.push('this test does not know its filter: ' + name);
		}
		const [a, b] = [light(ink), light(behind)].sort((x, y) => y - x);
		if ((a + .05) / (b + .05) < 4.5) found.push(name);
	}
	scrollTo(0, 0);
	return found;
})()`

// wide are the numbers that run past their card, however long they become.
const wide = `(() => {
	const found = [];
	for (const [size, text] of [['short', '9,999'], ['medium', '99,999'], ['long', '999,999'], ['longer', '99,999,999']]) {
		for (const e of document.querySelectorAll('.odometer dd, .depth')) {
			e.classList.remove('short', 'medium', 'long', 'longer');
			e.classList.add(size);
			e.textContent = text;
			if (e.scrollWidth > e.clientWidth) found.push(e.className + ' ' + text);
		}
	}
	return found;
})()`

func TestThePageFitsTheScreenAndCanBeRead(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	stop := b.Services()
	b.Ask(3000)
	b.Eventually(func() bool { return b.Messages("KV_"+topology.Received) == 3000 }, "all are done")
	stop()
	b.PlantDead(2)
	b.Generator(generator.Options{})
	address := serve(t, b, dashboard.Options{Fleets: &fleets{bed: b}, Broker: "nats://127.0.0.1:4222"})
	for name, screen := range map[string]struct {
		scheme        string
		width, height int64
	}{
		"dark":  {"dark", 1280, 720},
		"light": {"light", 1280, 720},
		"wall":  {"dark", 1920, 1080},
		"phone": {"light", 390, 844},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := open(t, address, chromedp.EmulateViewport(screen.width, screen.height), scheme(screen.scheme))
			page.shows("#letters summary", "decoupled.future.v99")
			page.shows("#service-received .odometer", "3,000")
			require.LessOrEqual(t, value[int64](page, "document.documentElement.scrollWidth"), screen.width, "no scrolling sideways")
			if name != "phone" {
				for _, selector := range []string{"#verdict", "#pipeline", "#service-received .odometer", "#chart", "#latency"} {
					page.until(fits + `("` + selector + `")`)
				}
			}
			require.Empty(t, value[[]string](page, faint))
			page.screenshot(name)
			require.Empty(t, value[[]string](page, wide))
			page.clean()
		})
	}
}

// Also when a queue is paused, something was lost, replicas report problems, and
// the broker is away.
func TestAPageInTroubleCanBeRead(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	for range 13 { // more than have a mark of their own
		replica, err := service.New(topology.Generator, b.Conn, b.Log(), time.Second)
		require.NoError(t, err)
		replica.ReportProblems(func() []string {
			return []string{`REQUESTS: backing off for 5s after "` + strings.Repeat("connection refused ", 20) + `"`}
		})
	}
	b.PlantDead(12)
	b.Keep(topology.Asked, ledger.Entry{ID: "lost"})
	address := serve(t, b, dashboard.Options{Fleets: &fleets{bed: b}})
	pages := make(map[string]*tab)
	for _, name := range []string{"dark", "light"} {
		pages[name] = open(t, address, chromedp.EmulateViewport(1280, 720), scheme(name))
	}
	pages["dark"].press("e")
	for name, page := range pages {
		page.shows("#queue-RECEIPTS", "PAUSED")
		page.shows("#verdict .bad", "✕ 1")
		page.shows("#letters h2", "10 of them are shown")
		page.shows("#service-generated .problem", "⚠ 13 of 13: REQUESTS: backing off")
		page.until("document.querySelectorAll('#service-generated .troubled').length === 12")
		require.Empty(t, value[[]string](page, "[...document.querySelectorAll('#pipeline > section')].filter(s => s.scrollHeight > s.clientHeight).map(s => s.id)"), "nothing runs out of its card")
		page.screenshot(name + "-trouble")
		require.Empty(t, value[[]string](page, faint), name)
	}
	b.Broker.Stop()
	pages["light"].press("1")
	for name, page := range pages {
		page.shows("#banner", "The connection to the broker is lost")
		page.shows("#note", "not connected to the broker")
		require.Empty(t, value[[]string](page, faint), name)
		page.screenshot(name + "-away")
	}
}

func TestReducedMotionIsRespected(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Generator(generator.Options{})
	b.Requestor(requestor.Options{Rate: 50})
	address := serve(t, b, dashboard.Options{})
	const moves = "document.getAnimations().length > 0"
	for wish, moving := range map[string]string{"no-preference": moves, "reduce": "!(" + moves + ")"} {
		page := open(t, address, media("prefers-reduced-motion", wish))
		page.until("document.querySelector('.arrow.flowing') !== null && " + moving)
	}
}
