// Package docs reads the project's Markdown files, so that tests can execute the
// commands in them and check their links and their prose.
//
// # Commands
//
// A block of commands is fenced as sh. What follows sh in its first line says who
// executes it. Renderers do not show it.
//
//	```sh                  package e2e, on a terminal, from the project's folder
//	```sh background       the same; the command keeps running meanwhile
//	```sh exits 1          the same; the last command ends with this exit code
//	```sh containers       package e2e/containers
//	```sh kubernetes       package e2e/kubernetes
//	```sh skip: reason     nobody, for this reason
//
// The commands of a page are executed in their order, each block by one shell.
//
// # Output
//
// A block fenced as text shows the output of the commands before it. Each of its
// lines must be printed, in this order; other lines may be printed in between. A
// word with a digit, other than "0", stands for any word, "…" for any words, and a bar
// of block characters for nothing.
//
//	```text                is printed by the commands before it
//	```text after Ctrl-C   is printed once the background command is interrupted
//
// A block without a language is a picture: nothing is checked, and it must hold no
// commands.
//
// # Style
//
// Names and messages use the words of the glossary; pages have no long sentences, and
// no clauses as headings.
package docs
