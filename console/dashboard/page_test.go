package dashboard_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/dashboard"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/generator"
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

func TestPoisonIsSetAsideAndRedriven(t *testing.T) {
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
	page.shows("#letters .empty", "nothing had to be set aside")
	page.shows("#service-received .odometer", "1")
	page.until("!document.querySelector('#verdict .dead, #verdict .bad')")
	page.clean()
}

func TestThePageSaysThatTheBrokerIsAwayAndRecovers(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	page := open(t, serve(t, b, dashboard.Options{}))
	page.shows("#state", "live")
	require.Empty(t, value[string](page, "document.querySelector('#banner').textContent"))
	b.Broker.Stop()
	page.shows("#banner", "The connection to the broker is lost")
	page.shows("#state", "lost")
	page.press("1")
	page.shows("#note", "the broker is away")
	b.Broker.Restart()
	page.until("document.querySelector('#banner').textContent === ''")
	page.shows("#state", "live")
	page.press("1")
	page.shows("#queue-REQUESTS .depth", "1")
	page.clean()
}

func TestThePageSaysThatTheDashboardIsAwayAndRecovers(t *testing.T) {
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
	page.shows("#queue-RESPONSES button", "resume")
	page.press("w")
	page.shows("#queue-RESPONSES button", "pause")
	page.until("!document.querySelector('#queue-RESPONSES').textContent.includes('PAUSED')")
	page.press("?")
	page.until("getComputedStyle(document.querySelector('#keys')).display === 'block'")
	page.press("?")
	page.until("getComputedStyle(document.querySelector('#keys')).display === 'none'")
	page.clean()
}

func TestAReadOnlyPageHasNoButtons(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.SetAside(1)
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
	page.click("#letter-1 summary")
	page.shows("#letter-1 dl", `<script>hacked=1</script><img src=x onerror="hacked=1">`)
	page.shows("#letter-1 dl", `\x1b[2J\u202e`)
	page.shows("#letter-1 .reason", `<script>hacked=2</script>`)
	before := value[string](page, "document.querySelector('#state time').textContent")
	page.until("document.querySelector('#state time').textContent !== '" + before + "'")
	b.PublishRaw(topology.SubjectDead+".REQUESTS.unknown", "NATS/1.0\r\nDead-Reason: late\r\n\r\n", "y")
	page.shows("#letters li:first-child .reason", "late")
	page.until("document.querySelectorAll('#letters li').length === 3")
	require.True(t, value[bool](page, "document.querySelector('#letter-1 details').open"))
	require.Equal(t, "undefined", value[string](page, "typeof hacked"))
	require.Zero(t, value[int](page, "document.querySelectorAll('#letters script, #letters img, #letters svg').length"))
	page.clean()
}

// fits is true when an element is in the window as a whole.
const fits = `(selector => { const r = document.querySelector(selector).getBoundingClientRect(); return r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight && r.right <= innerWidth; })`

// faint are the texts with less contrast to what is behind them than 4.5 to 1.
const faint = `(() => {
	const parse = c => { const v = c.match(/[\d.]+/g).map(Number); return v.length < 4 ? [...v, 1] : v; };
	const light = ([r, g, b]) => { const f = x => (x /= 255) <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
	const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; } return parse(getComputedStyle(document.documentElement).backgroundColor); };
	const found = [];
	for (const e of document.querySelectorAll('body *')) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility()) continue;
		const style = getComputedStyle(e), svg = e instanceof SVGElement;
		const [a, b] = [light(parse(svg ? style.fill : style.color)), light(behind(e))].sort((x, y) => y - x);
		if ((a + .05) / (b + .05) < 4.5) found.push(e.tagName + '.' + e.getAttribute('class') + ' ' + e.textContent.trim());
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
	b.SetAside(2)
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
			page.clean()
		})
	}
}
