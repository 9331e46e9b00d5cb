// Package dashboard serves one page that shows a deployment while it runs, and
// lets a presenter act on it.
//
//	broker ◀─ asks ─ feed ─ Snapshot ─▶ board ─ fragments ─▶ streams ─▶ browsers
//	       ◀───────────── actions ◀─ POST ─────────────────────────────┘
//
// However many browsers watch, the broker is asked once a second (package feed),
// and each change is rendered once (package view). A stream sends only the
// fragments that are not what it sent last; a browser that is slow skips what was
// in between, and delays no other browser.
//
// There is no login. Actions are POST, refused from other sites, and can be taken
// away; on the loopback interface the page answers to local names only.
package dashboard
