package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/drain"
	"decoupled.example/console/internal/ask"
	"decoupled.example/console/pause"
	"decoupled.example/console/send"
	"decoupled.example/console/verify"
	"decoupled.example/shared/contract"
)

const (
	// actWithin is how long an action may take.
	actWithin = time.Minute
	// answerWithin is how long one that asks the broker for one thing may take.
	answerWithin = 15 * time.Second
	// maxForm is more than any form of the page is, in bytes.
	maxForm = 4 << 10
	// maxSend is how many requests one press of a button may send.
	maxSend = 10_000
)

// errAway is why nothing was done.
var errAway = errors.New("not connected to the broker; nothing was done")

// errUsage is the error of a form that no page of ours sends.
var errUsage = errors.New("wrong usage")

// action does what a form says, and returns what it did.
type action func(ctx context.Context, r *http.Request) (string, error)

// actions adds what the page can do.
func (s *Server) actions(ctx context.Context, mux *http.ServeMux) {
	actions := map[string]action{
		"send": s.send, "malformed": s.malformed,
		"pause": s.pause, "resume": s.resume,
		"drain": s.drain, "verify": s.verify,
		"redrive": s.redrive, "discard": s.discard,
	}
	if s.options.Fleets != nil {
		actions["scale"], actions["crash"] = s.scale, s.crash
	}
	for name, act := range actions {
		mux.HandleFunc("POST /"+name, s.perform(ctx, name, act))
	}
}

// perform does one action, says on the status line what came of it, and logs who
// did what. The action goes on when who asked for it leaves, and ends with ctx.
func (s *Server) perform(ctx context.Context, name string, act action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		logged := func(outcome, detail string) {
			s.log.Info().Str("remote", r.RemoteAddr).Str("action", name).Str("target", target(r.PostForm)).
				Str("outcome", outcome).Str("detail", detail).Msg("dashboard action")
		}
		refuse := func(why string, status int) {
			logged("refused", why)
			http.Error(w, why, status)
		}
		if s.options.ReadOnly {
			refuse("this dashboard is read-only", http.StatusForbidden)
			return
		}
		s.acting.RLock()
		defer s.acting.RUnlock()
		if ctx.Err() != nil {
			refuse("the dashboard has ended", http.StatusServiceUnavailable)
			return
		}
		done, err := s.act(ctx, r, act)
		switch {
		case errors.Is(err, errUsage):
			refuse(err.Error(), http.StatusBadRequest)
			return
		case err != nil:
			logged("failed", err.Error())
			s.board.say(fmt.Sprintf("%s: %v", name, err), true)
		default:
			logged("done", done)
			s.board.say(done, false)
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// act does one action, if the broker is there.
func (s *Server) act(ctx context.Context, r *http.Request, act action) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, actWithin)
	defer cancel()
	conn := s.js.Conn()
	if !conn.IsConnected() {
		return "", errAway
	}
	before := conn.LastError()
	done, err := act(ctx, r)
	if denied := ask.Denied(conn, before); denied != nil && errors.Is(err, context.DeadlineExceeded) {
		err = denied // the broker answers nothing to who may not ask
	}
	return done, err
}

// target is what an action is about, as the form says it.
func target(form url.Values) string {
	var parts []string
	for _, field := range []string{"queue", "letter", "service", "by", "n"} {
		if form.Has(field) {
			parts = append(parts, fmt.Sprintf("%s=%.60s", field, form.Get(field)))
		}
	}
	return strings.Join(parts, " ")
}

func (s *Server) send(ctx context.Context, r *http.Request) (string, error) {
	n, err := strconv.Atoi(r.PostForm.Get("n"))
	if err != nil || n < 1 || n > maxSend {
		return "", fmt.Errorf("%w: n must be from 1 to %d, not %.20q", errUsage, maxSend, r.PostForm.Get("n"))
	}
	sent := 0
	err = send.Requests(ctx, s.topology, n, 0, func(burst []contract.Request) error {
		sent += len(burst)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("%d of %d sent: %w", sent, n, err)
	}
	if n == 1 {
		return "sent 1 request", nil
	}
	return fmt.Sprintf("sent %d requests", n), nil
}

func (s *Server) malformed(ctx context.Context, _ *http.Request) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return "sent a malformed message", send.Malformed(ctx, s.js)
}

func (s *Server) pause(ctx context.Context, r *http.Request) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	queue := r.PostForm.Get("queue")
	return queue + " is paused until it is resumed", usage(pause.Queue(ctx, s.js, queue, pause.Forever))
}

func (s *Server) resume(ctx context.Context, r *http.Request) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	queue := r.PostForm.Get("queue")
	return queue + " flows", usage(pause.Resume(ctx, s.js, queue))
}

func usage(err error) error {
	if errors.Is(err, pause.ErrUnknownQueue) {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return err
}

func (s *Server) drain(ctx context.Context, _ *http.Request) (string, error) {
	begun := time.Now()
	told := begun
	s.board.say("draining …", false)
	var last drain.Snapshot
	err := drain.Wait(ctx, s.js, func(now drain.Snapshot) {
		if last = now; time.Since(told) > time.Second {
			told = time.Now()
			s.board.say(fmt.Sprintf("draining: %d messages remain", now.Unfinished()), false)
		}
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("drained after %.1f s; dead letters: %d", time.Since(begun).Seconds(), last.DeadLetters()), nil
}

func (s *Server) verify(ctx context.Context, _ *http.Request) (string, error) {
	s.board.say("verifying …", false)
	v, err := verify.Run(ctx, s.js, s.topology, nil)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%d complete, %d lost, %d duplicated, %d dead, %d outstanding", v.Complete+v.Recovered, v.Lost, v.Duplicated, v.Dead, v.Outstanding)
	if v.Expired > 0 || v.Unjudged() {
		text += fmt.Sprintf(", %d not judged", v.Expired)
	}
	if !v.OK() {
		return "", fmt.Errorf("FAILED: %s, %d mismatched, %d unexpected", text, v.Mismatched, v.Unexpected)
	}
	return "verified, OK: " + text, nil
}

func (s *Server) redrive(ctx context.Context, r *http.Request) (string, error) {
	return s.each(ctx, r, "redriven", (*deadletter.Queue).Redrive)
}

func (s *Server) discard(ctx context.Context, r *http.Request) (string, error) {
	return s.each(ctx, r, "discarded", func(dead *deadletter.Queue, ctx context.Context, l deadletter.Message) error {
		return dead.Discard(ctx, l)
	})
}

// each does something to the letter that is meant, or to all.
func (s *Server) each(ctx context.Context, r *http.Request, word string, do func(*deadletter.Queue, context.Context, deadletter.Message) error) (string, error) {
	dead, err := deadletter.Open(ctx, s.js)
	if err != nil {
		return "", err
	}
	which := r.PostForm.Get("letter")
	if which != "all" {
		if !deadletter.IsID(which) {
			return "", fmt.Errorf("%w: the ID must be that of a dead letter or \"all\", not %.20q", errUsage, which)
		}
		letter, err := dead.Named(ctx, which)
		if err != nil {
			return "", err
		}
		done := fmt.Sprintf("dead letter %s is %s", which, word)
		if letter.Omitted > 0 && word == "redriven" {
			done += fmt.Sprintf(", without %d headers that had not fitted into it", letter.Omitted)
		}
		return done, do(dead, ctx, letter)
	}
	done, refused := 0, error(nil)
	for letter, err := range dead.All(ctx) {
		if err != nil {
			return "", fmt.Errorf("%d are %s: %w", done, word, err)
		}
		switch err := do(dead, ctx, letter); {
		case deadletter.IsRefusal(err):
			refused = err // the others do not wait for it
		case err != nil:
			return "", fmt.Errorf("%d are %s: %w", done, word, err)
		default:
			done++
		}
	}
	if refused != nil {
		return "", fmt.Errorf("%d are %s; not all can be: %w", done, word, refused)
	}
	return fmt.Sprintf("%s: %d", word, done), nil
}
