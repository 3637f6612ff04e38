// Package serial is a serial terminal: what a person types goes to the device at the other end of a line, and what that says comes
// to the person's terminal.
//
// What typed keys mean (Keys) and how fast bytes go (Pace) is decided without I/O; a Session brings them together with a line and a
// terminal. Limits: eight bits, no parity, one stop bit, as every boot loader has them.
package serial
