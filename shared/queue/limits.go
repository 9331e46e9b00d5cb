package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// errLimited: a request was turned down because it asked for too much. The limit
// is known now.
var errLimited = errors.New("the request exceeds a limit of the broker")

// shortestExpiry is the shortest life of a request that is worth making.
const shortestExpiry = 100 * time.Millisecond

// pullRequest is what a request for messages asks for.
type pullRequest struct {
	batch, bytes       int
	expires, heartbeat time.Duration
}

// limits are the broker's limits on one request for messages: those of the server
// and account, and of the consumer. The broker names one when it turns a request
// down. They may be used concurrently.
type limits struct {
	log *slog.Logger

	mu           sync.Mutex
	batch, bytes int // 0: none is known
	expires      time.Duration
}

// learn notes the limit that a 409 names, and reports whether it is new.
func (l *limits) learn(description string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	name, value, _ := strings.Cut(description, " of ")
	switch name {
	case "Exceeded MaxRequestBatch":
		return l.note(name, value, &l.batch, 1)
	case "Exceeded MaxRequestMaxBytes":
		return l.note(name, value, &l.bytes, 1)
	case "Exceeded MaxRequestExpires":
		d, err := time.ParseDuration(value)
		if err != nil || d < shortestExpiry || d == l.expires {
			return false
		}
		l.expires = d
		l.log.Info("the broker limits requests for messages", "limit", description)
		return true
	}
	return false
}

func (l *limits) note(name, value string, limit *int, least int) bool {
	var n int
	if _, err := fmt.Sscan(value, &n); err != nil || n < least || n == *limit {
		return false
	}
	*limit = n
	l.log.Info("the broker limits requests for messages", "limit", name+" of "+value)
	return true
}

// apply returns a request for at most that many messages and bytes.
func (l *limits) apply(batch, bytes int) pullRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := pullRequest{batch: batch, bytes: bytes, expires: expires, heartbeat: heartbeat}
	if l.batch > 0 {
		r.batch = min(r.batch, l.batch)
	}
	if l.bytes > 0 {
		r.bytes = min(r.bytes, l.bytes)
	}
	if l.expires > 0 && l.expires < r.expires {
		r.expires = l.expires
		r.heartbeat = min(r.heartbeat, l.expires/4) // the broker takes no more than half
	}
	return r
}
