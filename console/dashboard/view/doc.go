// Package view turns a snapshot into HTML: fragments that replace one another on
// the page, each an element with an id of its own, with its drawings as SVG.
//
// All text goes through html/template, so that what anyone wrote into a message
// is shown and never executed.
package view
