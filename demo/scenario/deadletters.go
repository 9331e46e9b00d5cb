package scenario

import (
	"strings"

	"decoupled.example/console/deadletter"
	"decoupled.example/demo/stage"
	"decoupled.example/generator"
)

// failed is true for a message that was read and could not be done.
func failed(l deadletter.Message) bool {
	return strings.Contains(l.Reason, generator.ErrChosen.Error())
}

// readLetters reads all dead letters, the oldest first.
func readLetters(s *stage.Stage) (*deadletter.Queue, []deadletter.Message) {
	dead, err := deadletter.Open(s.Context(), s.Operator().JS)
	s.Must(err)
	var all []deadletter.Message
	for letter, err := range dead.All(s.Context()) {
		s.Must(err)
		all = append(all, letter)
	}
	return dead, all
}

// reasons are why messages were dead-lettered.
func reasons(all []deadletter.Message) (texts []string) {
	for _, l := range all {
		texts = append(texts, l.Reason)
	}
	return texts
}
