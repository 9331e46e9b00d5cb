package docs

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codeSpan = regexp.MustCompile("`+[^`]*`+")
)

// CheckLinks returns an error that names each link of the pages, within the project
// in the folder root, that leads nowhere: the file is missing, or the heading. It
// also returns how many links it has checked.
func CheckLinks(root string, pages []Page) (checked int, err error) {
	anchors := make(map[string][]string)
	for _, p := range pages {
		anchors[p.Path] = p.anchors()
	}
	var broken []error
	for _, p := range pages {
		for _, text := range slices.Concat(p.Prose, p.Headings) {
			for _, found := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(text.Text, "code"), -1) {
				if strings.Contains(found[1], ":") { // of another site
					continue
				}
				checked++
				if err := checkLink(root, p.Path, found[1], anchors); err != nil {
					broken = append(broken, fmt.Errorf("%s:%d: the link to %s is broken: %w", p.Path, text.Line, found[1], err))
				}
			}
		}
	}
	return checked, errors.Join(broken...)
}

func checkLink(root, page, target string, anchors map[string][]string) error {
	file, anchor, hasAnchor := strings.Cut(target, "#")
	if file == "" {
		file = page
	} else {
		file = path.Join(path.Dir(page), file)
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(file))); err != nil {
		return err
	}
	if hasAnchor && !slices.Contains(anchors[file], anchor) {
		return fmt.Errorf("%s has no heading for #%s", file, anchor)
	}
	return nil
}

// anchors returns the names by which GitHub lets one link to the page's headings.
func (p Page) anchors() (all []string) {
	times := make(map[string]int)
	for _, h := range p.Headings {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, link.ReplaceAllString(h.Text, "]"))
		times[name]++
		if n := times[name]; n > 1 {
			name = fmt.Sprintf("%s-%d", name, n-1)
		}
		all = append(all, name)
	}
	return all
}
