// Package flashing is the device's half of flashing: what a firmware is, whether it is whole and for this machine, what it would change,
// and the places of a machine that one can be brought to.
//
// It decides and writes nothing. Look says what a file is, Firmware.Verify reads all of it, Check compares it with the machine, and a
// Target plans and does the writing: boot slots, NOR flash, UBI. A Plan is a value: what is printed is what is done. Every refusal comes
// before any change.
//
// Limits: a firmware can be read at any place, so what comes as a stream or compressed is spooled first. Of a disk image the generation
// is taken, not its boot loader nor its partition table: those of the machine stay.
package flashing
