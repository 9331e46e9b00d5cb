package scenario

import (
	"encoding/json"
	"strings"
	"time"

	"decoupled.example/console/send"
	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/generator"
	"decoupled.example/shared/topology"
)

var rollingUpgrade = Scenario{
	Name:    "rolling-upgrade",
	Title:   "one side is upgraded under load, and the other need not know",
	Claim:   "A new version that adds an optional field replaces the old one while both run side by side, and no message fails. A message of an unknown major version is dead-lettered, not lost.",
	Predict: "The new generator adds a field to its responses that the requestor does not know. For a while old and new replicas share one queue. What must be done to the requestor first?",
	Explain: "The two services share only the meaning of a message. Readers ignore fields they do not know, so a field may be added at any time. " +
		"A change of meaning is a new major version, named in a header. A reader that does not know the version dead-letters the message with its whole body, for a reader that does.",
	Needs: single,
	Play: func(s *stage.Stage) {
		const replicas, work = 3, 3 * time.Millisecond
		n := s.Requests(2000)
		s.Step("%d generators of the old version; a hundred requests at a time", replicas)
		s.Configure(func(c *deployment.Settings) { c.Generator.Work = work })
		s.Scale(1, replicas)
		s.Alive(1, replicas)
		stop := s.Load(100)
		for replaced := 1; replaced <= replicas; replaced++ {
			s.Until("work goes on", func() bool { return s.Count(topology.Generated) >= replaced*n/(replicas+2) })
			g, err := startNext(s.Connect(topology.Generator), generator.Random(generator.Options{Work: work}))
			s.Must(err)
			defer func() { _ = g.Stop() }()
			s.ScaleGenerators(replicas - replaced)
			s.Report("%d of the new version, %d of the old one; %d are done", replaced, replicas-replaced, s.Count(topology.Generated))
		}
		total := stop() + n/4
		s.Ask(n / 4)
		s.Drained()

		withField := 0
		s.Entries(topology.Generated, func(_ string, value []byte, _ time.Time) {
			var r nextResponse
			if json.Unmarshal(value, &r) == nil && r.Alphabet != "" {
				withField++
			}
		})
		s.Holds("both versions have worked", 0 < withField && withField < total, "%d of %d responses have the new field", withField, total)
		s.Verified(total)

		s.Step("a request of a version that no replica knows yet")
		s.Must(send.FutureVersion(s.Context(), s.Operator().JS))
		s.Drained()
		_, all := readLetters(s)
		last := all[max(0, len(all)-1):]
		s.Holds("it alone is dead-lettered, with its whole body", len(all) == 1 && strings.Contains(last[0].Reason, "v99") && len(last[0].Body) > 0, "%d dead letters, %q", len(all), reasons(last))
	},
}
