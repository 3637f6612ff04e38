// Package deploy brings a generation from a workstation to a machine over SSH, switches to it and has it prove itself: by what the machine
// itself asks for, and by a login over a connection that is made after the switch. Without that the machine goes back by itself.
//
// The connection is the user's own ssh, a process, with their configuration, agent, known hosts and jump hosts; what is asked of the machine are
// `bantam` verbs that a person could type there. Of the machine's answers only what decides something is decoded (machine.go); the decisions
// are functions without a connection (decide.go).
package deploy
