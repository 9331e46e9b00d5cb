package dashboard

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"decoupled.example/console/dashboard/view"
)

// sendWithin is how long a browser may take for one event. Who takes longer is
// gone, or will connect again.
const sendWithin = 10 * time.Second

// stream sends the fragments that have changed, as server-sent events:
//
//	event: fragment
//	data: {"id":"queue-REQUESTS","html":"<section id=…"}
//
// First come all, so that a page which was away for a while is right again.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	window, ok := windowOf(r)
	if !ok {
		http.Error(w, "there is no such window", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	sent := make(map[string]template.HTML)
	for {
		shown, changed := s.board.rendered.get()
		if out.SetWriteDeadline(time.Now().Add(sendWithin)) != nil || sendChanged(w, shown, window, sent) != nil || out.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// sendChanged sends what is not what was sent last.
func sendChanged(w http.ResponseWriter, shown rendering, window time.Duration, sent map[string]template.HTML) error {
	for i, f := range shown.fragments {
		if (f.Window != 0 && f.Window != window) || sent[f.ID] == f.HTML {
			continue
		}
		if _, err := w.Write(shown.events[i]); err != nil {
			return err
		}
		sent[f.ID] = f.HTML
	}
	return nil
}

// event is a fragment as the stream sends it.
func event(f view.Fragment) []byte {
	data, _ := json.Marshal(map[string]string{"id": f.ID, "html": string(f.HTML)}) // cannot fail: strings
	return fmt.Appendf(nil, "event: fragment\ndata: %s\n\n", data)
}

// windowOf is how much time a page shows: what it asks for, or the shortest.
func windowOf(r *http.Request) (time.Duration, bool) {
	name := r.URL.Query().Get("window")
	if name == "" {
		return view.Windows[0], true
	}
	for _, d := range view.Windows {
		if view.WindowName(d) == name {
			return d, true
		}
	}
	return 0, false
}
