// Package stdio wraps a program's standard output: an Output records the first write
// error, and the terminal functions report the width that redrawn text must fit.
package stdio
