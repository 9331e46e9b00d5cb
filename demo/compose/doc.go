// Package compose deploys in containers: the project's docker-compose.yml, as a
// compose project of its own beside any other, with ports of its own. Everything
// is as in the file, users, passwords, limits and a broker that syncs every write
// to the disk; only the services' settings are the scenario's, and the broker has one
// user more, the scenario's own.
package compose
