package mutants_test

var otherMutants = []mutant{
	{
		breaks: "retry reads of a ledger without a pause",
		file:   "shared/ledger/repeat.go",
		old:    "_ = retry.Wait(ctx, retryEvery)",
		new:    "_ = retryEvery",
		red:    []string{"shared/ledger TestLedger_PausesBetweenRetries"},
	},
	{
		breaks: "deduplicate dead letters for ten seconds only",
		file:   "shared/topology/settings.go",
		old:    "deduplicateLetters = 10 * time.Minute",
		new:    "deduplicateLetters = 10 * time.Second",
		red:    []string{"shared/topology TestStreams_DeduplicateNoLongerThanTheBrokerDoes"},
	},
	{
		breaks: "let a cancel not end what outlives its context",
		file:   "shared/shutdown/delay.go",
		old:    "stop(); cancel(context.Canceled)",
		new:    "stop()",
		red:    []string{"shared/shutdown TestDelay_EndsAtOnceWhenCanceled"},
	},
	{
		breaks: "exempt one route from the cross-origin check",
		file:   "console/dashboard/server.go",
		old:    "http.NewCrossOriginProtection().Handler(mux)",
		new:    "func() http.Handler { c := http.NewCrossOriginProtection(); c.AddInsecureBypassPattern(\"/drain\"); return c.Handler(mux) }()",
		red:    []string{"console/dashboard TestServer_RefusesEveryActionOfAnotherSite"},
	},
	{
		breaks: "write the time of a line twice",
		file:   "shared/service/log.go",
		old:    "record.Time = time.Time{}",
		new:    "_ = time.Time{}",
		red:    []string{"shared/service TestSlog_WritesTheLinesOfTheLog"},
	},
	{
		breaks: "stop containers sooner than the shutdown timeout",
		file:   "docker-compose.yml",
		old:    "stop_grace_period: 15s",
		new:    "stop_grace_period: 10s",
		red:    []string{"e2e/manifests TestCompose_StopsLaterThanTheShutdownTimeout"},
	},
}
