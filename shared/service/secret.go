package service

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// withheld is shown in the place of a value that may hold a password.
const withheld = "(secret)"

// UsageError returns kong's message about a wrong command line, without anything
// that may be a password: values of flags tagged secret:"", from the command line or
// the environment, and values that look like a URL with credentials. Kong quotes the
// values that it rejects.
func UsageError(err error, app *kong.Application, args []string) string {
	text := err.Error()
	for _, value := range passwords(app, args) {
		text = withhold(text, value)
		quoted := strconv.Quote(value)
		text = withhold(text, quoted[1:len(quoted)-1])
	}
	return text
}

// passwords returns the values that may be passwords, the longest first, since one
// may be part of another.
func passwords(app *kong.Application, args []string) (values []string) {
	var flags []*kong.Flag
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error { // fails only if this function does
		if flag, ok := node.(*kong.Flag); ok {
			flags = append(flags, flag)
		}
		return next(nil)
	})
	secret := make(map[string]bool)
	for _, flag := range flags {
		secret["--"+flag.Name] = flag.Tag.Has("secret")
		for _, name := range flag.Envs {
			if value := os.Getenv(name); flag.Tag.Has("secret") || strings.Contains(value, "@") {
				values = append(values, value)
			}
		}
	}
	for i, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		switch {
		case given && (secret[name] || strings.Contains(value, "@")):
			values = append(values, value)
		case strings.Contains(arg, "@"):
			values = append(values, arg)
		case secret[arg]:
			values = append(values, following(args[i+1:])...)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	return values
}

// following returns the value that follows a secret flag, and the rest of a value
// with spaces that was not quoted.
func following(args []string) []string {
	for i, arg := range args {
		if i > 0 && strings.HasPrefix(arg, "--") {
			return args[:i]
		}
	}
	return args
}

// withhold replaces a value where it is a word of its own, not where a short one is
// part of another word.
func withhold(text, value string) string {
	if value == "" {
		return text
	}
	for from := 0; ; {
		i := strings.Index(text[from:], value)
		if i < 0 {
			return text
		}
		i += from
		end := i + len(value)
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if from = end; !isWord(before) && !isWord(after) {
			text = text[:i] + withheld + text[end:]
			from = i + len(withheld)
		}
	}
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// shown returns the effective settings for the log, without empty ones and without
// passwords.
func shown(command *kong.Context) map[string]string {
	settings := make(map[string]string)
	for _, flag := range command.Model.Flags {
		value := fmt.Sprint(flag.Target.Interface())
		if value == "" || flag.Name == "help" || flag.Name == "version" {
			continue
		}
		if flag.Tag.Has("secret") || strings.Contains(value, ":") && strings.Contains(value, "@") {
			value = withheld
		}
		settings[flag.Name] = value
	}
	return settings
}
