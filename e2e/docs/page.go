package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Page is a Markdown file.
type Page struct {
	Path     string // relative to the project's folder, with slashes
	Headings []Text
	Prose    []Text // paragraphs, list items and table cells, each on one line
	Blocks   []Block
}

// Text is a piece of prose.
type Text struct {
	Line int // of its beginning; the first line of a page is 1
	Text string
}

// Block is a code block.
type Block struct {
	Line     int    // of its fence, or of its first line if it is indented
	Language string // empty if it has none
	Info     string // what follows the language
	Lines    []string
}

// All reads every Markdown file of the project in the folder root, without those in
// hidden folders other than .github, ordered by path.
func All(root string) ([]Page, error) {
	var pages []Page
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(name, ".") && name != ".github":
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		content, err := os.ReadFile(path) //nolint:gosec // in a folder that nobody else writes to
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		pages = append(pages, parse(filepath.ToSlash(relative), string(content)))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the Markdown files in %s: %w", root, err)
	}
	return pages, nil
}

// Guides returns the pages whose commands are executed: those that are written for
// users and contributors, in the project's folder and in docs.
func Guides(pages []Page) []Page {
	return slices.DeleteFunc(slices.Clone(pages), func(p Page) bool {
		folder := filepath.ToSlash(filepath.Dir(p.Path))
		return folder != "." && folder != "docs"
	})
}

var (
	fence     = regexp.MustCompile("^( *)(`{3,}) *([^ `]*) *([^`]*)$")
	heading   = regexp.MustCompile(`^#{1,6} +(.*?) *#*$`)
	listItem  = regexp.MustCompile(`^ *(?:[-*+]|[0-9]+[.)]) +(?:\[[ x]\] +)?`)
	separator = regexp.MustCompile(`^\|[-:| ]+\|$`)
	comment   = regexp.MustCompile(`(?s)<!--.*?-->`)
)

// parse reads the part of Markdown that the project uses.
func parse(path, content string) Page {
	p := scanner{page: Page{Path: path}}
	content = comment.ReplaceAllStringFunc(content, func(c string) string { return strings.Repeat("\n", strings.Count(c, "\n")) })
	for i, line := range strings.Split(content, "\n") {
		p.line(i+1, strings.ReplaceAll(line, "\t", "    "))
	}
	p.endText()
	p.endBlock()
	return p.page
}

type scanner struct {
	page   Page
	text   Text   // the paragraph, list item or table cell that is read
	block  *Block // the code block that is read
	fence  string // that ends it; empty if it is indented
	indent string // of the fence
	inList bool   // a line that is indented belongs to a list item
}

func (p *scanner) line(number int, line string) {
	trimmed := strings.TrimSpace(line)
	if p.block != nil && p.inBlock(line, trimmed) {
		return
	}
	if trimmed != "" && !strings.HasPrefix(line, " ") {
		p.inList = listItem.MatchString(line)
	}
	switch f := fence.FindStringSubmatch(line); {
	case f != nil:
		p.endText()
		p.indent, p.fence = f[1], f[2]
		p.block = &Block{Line: number, Language: f[3], Info: strings.TrimSpace(f[4])}
	case trimmed == "":
		p.endText()
	case strings.HasPrefix(line, "    ") && p.text.Text == "" && !p.inList:
		p.fence = ""
		p.block = &Block{Line: number, Lines: []string{line[4:]}}
	case heading.MatchString(line):
		p.endText()
		p.page.Headings = append(p.page.Headings, Text{number, heading.FindStringSubmatch(line)[1]})
	case strings.HasPrefix(trimmed, "|"):
		p.endText()
		if separator.MatchString(trimmed) {
			return
		}
		for _, cell := range strings.Split(strings.Trim(trimmed, "|"), "|") {
			p.text = Text{number, strings.TrimSpace(cell)}
			p.endText()
		}
	case listItem.MatchString(line):
		p.endText()
		p.text = Text{number, listItem.ReplaceAllString(line, "")}
	default:
		if p.text.Text == "" {
			p.text.Line = number
		}
		p.text.Text = strings.TrimSpace(p.text.Text + " " + trimmed)
	}
}

// inBlock reports whether the line belongs to the code block, its end included.
func (p *scanner) inBlock(line, trimmed string) bool {
	if p.fence != "" {
		if trimmed == p.fence {
			p.endBlock()
			return true
		}
		p.block.Lines = append(p.block.Lines, strings.TrimPrefix(line, p.indent))
		return true
	}
	if trimmed != "" && !strings.HasPrefix(line, "    ") {
		p.endBlock()
		return false
	}
	p.block.Lines = append(p.block.Lines, strings.TrimPrefix(line, "    "))
	return true
}

func (p *scanner) endText() {
	if p.text.Text != "" {
		p.page.Prose = append(p.page.Prose, p.text)
	}
	p.text = Text{}
}

func (p *scanner) endBlock() {
	if p.block == nil {
		return
	}
	for n := len(p.block.Lines); n > 0 && strings.TrimSpace(p.block.Lines[n-1]) == ""; n-- {
		p.block.Lines = p.block.Lines[:n-1]
	}
	p.page.Blocks = append(p.page.Blocks, *p.block)
	p.block = nil
}
