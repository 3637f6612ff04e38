// Package installing brings a machine that runs from memory to a disk of its own: `bantam install`.
//
// What is written is the disk image that was built together with the ISO: kernel, initrd and layers are read from the medium, the rest is
// its frame. Its partition table is made for the disk at once, with slot B and the state volume, which gets all that the machine keeps.
// The disk's beginning, with boot sector and table, is cleared before anything else and written last, when all the rest has been read back:
// a power cut leaves the old disk, one that nothing starts from, or all of the machine.
//
// Layout and order are values (Layout, Installation.Write with a disk of the test's); what is read from the medium is checked by the image's
// own sums and digests before anything is written.
//
// Limits: media with an ISO's frame, so PCs; disks with sectors of 512 bytes.
package installing
