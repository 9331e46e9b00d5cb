package dashboard_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// browsers are the names of the program that drives the tests of the page.
var browsers = []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// shared is the one browser of all tests. Each has a tab of its own.
var shared struct {
	once  sync.Once
	ctx   context.Context
	close func()
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.close != nil {
		shared.close()
	}
	os.Exit(code)
}

// startBrowser is called once.
func startBrowser() {
	var path string
	for _, name := range browsers {
		if path, shared.err = exec.LookPath(name); shared.err == nil {
			break
		}
	}
	if shared.err != nil {
		shared.err = fmt.Errorf("no browser found, looked for %s", strings.Join(browsers, ", "))
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // as root it has none
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...) // ended by TestMain
	ctx, end := chromedp.NewContext(allocator)
	shared.ctx, shared.close = ctx, func() { end(); stop() }
	if err := chromedp.Do(ctx); err != nil {
		shared.err = fmt.Errorf("%s does not start: %w", path, err)
	}
}

// tab is a page of the dashboard in a browser.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex
	console []string // what was wrong, by the page's console
}

// open opens an address. Steps come before it.
func open(t *testing.T, address string, steps ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	shared.once.Do(startBrowser)
	if shared.err != nil {
		require.Empty(t, os.Getenv("CI"), "CI must have a browser: %v", shared.err)
		t.Skip(shared.err)
	}
	ctx, cancel := chromedp.NewContext(shared.ctx)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return // the tab was closed
			}
			if strings.Contains(m.Text, "ERR_NETWORK_CHANGED") {
				continue // see below
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.IsException() {
				b.mu.Lock()
				b.console = append(b.console, m.String())
				b.mu.Unlock()
			}
		}
	}()
	b.do(focused)
	b.do(steps...)
	// A browser gives up what it is loading when the machine's network changes, as
	// it does when other tests start containers.
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if chromedp.Do(ctx, chromedp.Navigate(address)) != nil {
			return false
		}
		loaded, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("typeof morph === 'function'"))
		return err == nil && loaded
	}, patience, 50*time.Millisecond, "the page is loaded, with its script")
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// value is what an expression is in the page.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err)
	return v
}

// until waits for an expression to be true in the page.
func (b *tab) until(expression string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return value[bool](b, expression) }, patience, 50*time.Millisecond, "%s\nthe page's text: %s", expression, lazy(func() string {
		return value[string](b, "document.body.innerText")
	}))
}

// lazy is text that is made when it is shown.
type lazy func() string

func (l lazy) String() string { return l() }

// shows waits until an element's text contains that.
func (b *tab) shows(selector, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("(document.querySelector(%q)?.textContent ?? '').includes(%q)", selector, text))
}

// press presses a key.
func (b *tab) press(key string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(key))
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// clean asserts that nothing was wrong in the page so far.
func (b *tab) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.console, "the page's console")
}

// focused makes the tab take keys as if it were the one in front.
func focused(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
	_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	return chromedp.Void{}, err
}

// scheme makes the page light or dark.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return media("prefers-color-scheme", name)
}

// media is what the page is told about its reader's wishes.
func media(feature, value string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
		})
		return err
	})
}

// screenshot saves what is seen; go test -artifacts keeps it.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), picture, 0o644))
}
