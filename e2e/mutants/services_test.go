package mutants_test

var serviceMutants = []mutant{
	{
		breaks: "name requests when the time was up, or the broker unavailable",
		file:   "generator/generator.go",
		old:    "if len(failed) == 0 || err != nil && ctx.Err() != nil {",
		new:    "if len(failed) == 0 {",
		red:    []string{"generator TestAnswer_ChargesAnOutageToNoRequest", "generator TestAnswer_NamesNothingWhenItsTimeIsUsedUp"},
	},
}
