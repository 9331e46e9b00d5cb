package mutants_test

var queueMutants = []mutant{
	{
		breaks: "count a failed dependency against the message",
		file:   "shared/queue/batch.go",
		old:    "case isRetry(err):\n\t\tr.retried, r.dependency = append(r.retried, d), err\n",
		new:    "",
		red:    []string{"shared/queue TestRetry_BacksOffAndCountsNothing"},
	},
	{
		breaks: "charge the shutdown to the message",
		file:   "shared/queue/batch.go",
		old:    "case work.Err() != nil: // the shutdown is to blame\n\t\tr.back = append(r.back, d)\n",
		new:    "",
		red:    []string{"shared/queue TestQuarantine_AnAttemptInterruptedByAShutdownDoesNotCount"},
	},
	{
		breaks: "go on at full speed while a dependency fails",
		file:   "shared/queue/breaker.go",
		old:    "b.open, b.opened, b.pause = true, time.Now(), min(firstPause, b.longest)",
		new:    "b.open, b.opened, b.pause = false, time.Now(), min(firstPause, b.longest)",
		red:    []string{"shared/queue TestRetry_BacksOffAndCountsNothing"},
	},
	{
		breaks: "go on at full speed while nothing succeeds",
		file:   "shared/queue/breaker.go",
		old:    "b.trip(opening, 0, fmt.Errorf(\"nothing succeeds: %w\", err))",
		new:    "_ = fmt.Errorf(\"nothing succeeds: %w\", err)",
		red:    []string{"shared/queue TestConsume_SpendsFewAttemptsWhileNothingSucceeds"},
	},
	{
		breaks: "try the messages of a failed batch one by one",
		file:   "shared/queue/batch.go",
		old:    "failing, n = n, n/2",
		new:    "failing, n = 0, 1",
		red:    []string{"shared/queue TestConsume_BisectsABatchWhoseHandlerNamesNoMessage"},
	},
	{
		breaks: "ignore which messages a handler names",
		file:   "shared/queue/errors.go",
		old:    "case BatchError:\n\t\t\treturn e, true",
		new:    "case BatchError:\n\t\t\treturn nil, false",
		red:    []string{"shared/queue TestBatchError_RepeatsNoMessageThatSucceeded"},
	},
	{
		breaks: "trust an index that is not of this batch",
		file:   "shared/queue/errors.go",
		old:    "case i < 0 || i >= n:\n\t\t\treturn nil, false",
		new:    "case i < 0 || i >= n:\n\t\t\tdelete(failed, i)",
		red:    []string{"shared/queue TestBatchError_WithAnIndexOutOfRangeNamesNothing"},
	},
	{
		breaks: "ignore that a worker died in isolation",
		file:   "shared/queue/attempt.go",
		old:    "died := r.Running != \"\"",
		new:    "died := false",
		red:    []string{"shared/queue TestQuarantine_CountsAWorkerThatDiesAsAFailure", "shared/queue TestAttempts_CountsDeathsInIsolation"},
	},
	{
		breaks: "overwrite what another replica has recorded",
		file:   "shared/queue/attempt.go",
		old:    "m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(r.sequence, 10))",
		new:    "_ = strconv.FormatUint(r.sequence, 10)",
		red:    []string{"shared/queue TestAttempts_LosesNoConcurrentFailure"},
	},
	{
		breaks: "handle several messages in isolation at a time",
		file:   "shared/queue/quarantine.go",
		old:    "if !w.isolated.TryLock() {",
		new:    "if !w.isolated.TryLock() && false {",
		red:    []string{"shared/queue TestQuarantine_HandlesOneMessageAtATimeBesideOtherBatches"},
	},
}
