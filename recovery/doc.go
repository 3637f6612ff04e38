// Package recovery brings an image onto a board that starts nothing any more, through the prompt of its boot loader on a serial line.
//
// A Talk is the conversation, without I/O and without a clock: what has come over the line goes in, what is to be typed comes out. What
// a boot loader understands is data, board.Rescue; nothing here knows a board. Run has such a conversation over a real line.
//
// Nothing is written that the boot loader has not first summed up (CRC-32) in its own memory, and all that is written is read back and
// summed up. What is on the medium already is not written: so a recovery that broke off goes on.
//
// Limits: the boot loader must echo what is typed, as U-Boot does; images are written from the medium's first byte on.
package recovery
