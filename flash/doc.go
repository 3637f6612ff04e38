// Package flash writes an image to a whole disk: an SD card, a USB stick, the disk of a machine, on the workstation that it is put into.
//
// It decides and has no device of its own: what a file holds (Survey), whether a disk may be written (Host.Refuse, of facts that
// package hostdisk collects), which bytes differ (MakePlan), and in what order they are written and read back (Work). The order is
// such that a disk on which only a part of the image is does not look like one that can be started: its first chunk is cleared before
// all else and written last, when the rest has been read back.
//
// Limits: an image begins at the first byte of the disk; nothing behind its end is cleared.
package flash
