// Package stdio is what a program writes for people and pipes: an Output that
// notices when it cannot be written, and the width of a terminal for what is
// redrawn on it.
package stdio
