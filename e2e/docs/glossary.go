package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// term is a row of the glossary: the project has one term for one thing.
type term struct {
	say string
	not *regexp.Regexp // in lower case; the words of an identifier are separated by spaces
}

// glossary has the words that another term replaced. They are wrong in a message and
// in a name. A word that is also right elsewhere, for example hold or memory, is not
// among them: to judge that takes a reader.
var glossary = []term{
	{"dead-letter, dead letter", words(`set(s|ting)? aside|letters?|gives? up|gave up|given up|giving up`)},
	{"redrive", words(`puts? back|putting back`)},
	{"ack, nak, terminate; release", words(`settl(e|es|ed|ing)|hand(s|ed|ing)? back|gives? back|gave back|given back|acknowledgement wait`)},
	{"in flight", words(`in hand|on (its|their) way`)},
	{"redelivery, delivery count, attempt", words(`comes? again|came again`)},
	{"quarantine, attempt record", words(`suspects?|suspected|trials?`)},
	{"exclusive section, mutex", words(`turns?`)},
	{"shutdown timeout", words(`grace`)},
	{"retention, TTL, expired", words(`forgets?|forgot|forgotten|remember(s|ed|ing)?`)},
	{"idempotency ledger", words(`what (is|was|were) kept`)},
	{"connection lost, reconnecting", words(`away|is gone|are gone`)},
	{"broker, client, operator, replica", words(`who|whoever|somebody|someone|nobody|anybody`)},
	{"log, report, print", words(`says?|said|saying|tells?|told|telling`)},
	{"times out after", words(`in vain`)},
}

// nameGlossary has the words that are wrong in names only.
var nameGlossary = append(slices.Clip(glossary), term{"put if absent, store", words(`keeps?|kept`)})

// setting is the setting KEEP, the retention of the ledgers, which users have in their
// manifests: code that reads it has the same name for it.
const setting = "Keep"

func words(alternatives string) *regexp.Regexp {
	return regexp.MustCompile(`\b(` + alternatives + `)\b`)
}

// right are uses of those words that are right, and names of flags.
var right = words(`dead[ -]?letters?|letters? (and|or) digits?|(capital|upper-?case|lower-?case) letters?|letter case|turns? (down|on|off|up|out|into)|right away|(user|client|operator|reader)s? who`)

var flagName = regexp.MustCompile(`--[a-z][a-z-]*`)

// Finding is a place that breaks a rule of style.
type Finding struct {
	File   string // relative to the project's folder, with slashes
	Line   int    // 0 for the name of a file or folder
	Text   string // what is found; the same wherever in the file it is
	Better string // what to write instead; empty if the text says it
}

func (f Finding) String() string {
	where := f.File
	if f.Line != 0 {
		where += ":" + strconv.Itoa(f.Line)
	}
	if f.Better == "" {
		return where + ": " + f.Text
	}
	return fmt.Sprintf("%s: %s; write %s", where, f.Text, f.Better)
}

// replaced returns the first word that the glossary replaces, and what to say.
func replaced(glossary []term, text string) (word, say string) {
	text = right.ReplaceAllString(flagName.ReplaceAllString(strings.ToLower(text), ""), "")
	for _, t := range glossary {
		if word := t.not.FindString(text); word != "" {
			return word, t.say
		}
	}
	return "", ""
}

var (
	hump  = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)
	joint = regexp.MustCompile(`[_.-]+`)
)

// nameWords returns the words of a name: of SetAside, dead_letter.go or scale-to-zero.
func nameWords(name string) string {
	return joint.ReplaceAllString(hump.ReplaceAllString(name, "$1$3 $2$4"), " ")
}

// CheckGlossary returns a finding for each word that the glossary replaces in the
// project in the folder root: in names of files and folders, in exported identifiers
// of Go, names of tests included, in help texts of flags and commands, and in literals
// of log lines and errors. Those are the first arguments of errors.New, fmt.Errorf, and
// the methods of loggers.
func CheckGlossary(root string) (found []Finding, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || name == "." {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") || slices.Contains([]string{"node_modules", "bin", "data", "secrets"}, name)) {
			return filepath.SkipDir
		}
		if word, say := replaced(nameGlossary, nameWords(entry.Name())); word != "" {
			found = append(found, Finding{name, 0, fmt.Sprintf("%q in the name", word), say})
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		c := checker{file: name, lines: files}
		ast.Inspect(file, c.visit)
		found = append(found, c.found...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot check the words in %s: %w", root, err)
	}
	return found, nil
}

// checker collects the findings of one Go file.
type checker struct {
	file  string
	lines *token.FileSet
	found []Finding
}

func (c *checker) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncDecl:
		c.names(n.Name)
	case *ast.TypeSpec:
		c.names(n.Name)
	case *ast.ValueSpec:
		c.names(n.Names...)
	case *ast.StructType:
		c.fields(n.Fields)
	case *ast.InterfaceType:
		c.fields(n.Methods)
	case *ast.CallExpr:
		if isMessage(n) {
			ast.Inspect(n.Args[0], c.literal)
		}
	}
	return true
}

func (c *checker) fields(list *ast.FieldList) {
	for _, field := range list.List {
		c.names(field.Names...)
		if field.Tag != nil {
			tag, _ := strconv.Unquote(field.Tag.Value) // the parser has read it
			c.text(field.Tag, "help text", reflect.StructTag(tag).Get("help"))
		}
	}
}

func (c *checker) names(names ...*ast.Ident) {
	for _, name := range names {
		if name.Name == setting {
			continue
		}
		if word, say := replaced(nameGlossary, nameWords(name.Name)); word != "" && name.IsExported() {
			c.add(name, fmt.Sprintf("%q in the identifier %s", word, name.Name), say)
		}
	}
}

func (c *checker) literal(n ast.Node) bool {
	literal, ok := n.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return true
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return true
	}
	c.text(n, "message", text)
	return true
}

func (c *checker) text(at ast.Node, kind, text string) {
	if word, say := replaced(glossary, text); word != "" {
		c.add(at, fmt.Sprintf("%q in the %s %q", word, kind, text), say)
	}
}

func (c *checker) add(at ast.Node, text, say string) {
	c.found = append(c.found, Finding{c.file, c.lines.Position(at.Pos()).Line, text, say})
}

// isMessage reports whether a call logs its first argument, or makes an error of it.
func isMessage(call *ast.CallExpr) bool {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return false
	}
	if slices.Contains([]string{"Msg", "Msgf", "Debug", "Info", "Warn", "Error"}, function.Sel.Name) {
		return true
	}
	of, ok := function.X.(*ast.Ident)
	return ok && slices.Contains([]string{"errors.New", "fmt.Errorf"}, of.Name+"."+function.Sel.Name)
}
