// Package stage is what a scenario plays on: it starts a deployment, offers the
// steps that scenarios are made of, watches the depths, and keeps what was
// measured and judged.
//
//	Play ─▶ deployment starts ─▶ the scenario's steps ─▶ deployment closes ─▶ Result
//	              └──── sampler: depths and ledgers, ten times a second ─────┘
//
// A step that cannot be done ends the scenario there, as FailNow ends a test, so
// a scenario reads as its steps and nothing else. What a scenario finds out is
// not an error: it is judged with Holds, and the scenario goes on.
package stage
