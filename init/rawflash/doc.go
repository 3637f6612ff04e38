// Package rawflash brings firmware to the flash chip of a router: NOR, by erase blocks, and NAND, by volumes of UBI.
//
// What is written, and in which order, is decided here, against small interfaces that the kernel and a chip of the tests have: TestPowerCut
// enumerates a cut at every erase and at every write, and what a boot loader then finds.
//
// NOR has one place for the firmware, and no order of writes can make that two: while it is written the machine has none. What is done about it:
// everything is verified and held in memory before; what equals is left alone; the first bytes, by which a boot loader knows the firmware, are made
// void before anything else and written last, after all the rest has been read back. So at no moment a boot loader starts a mixture, and
// who looks for a firmware and finds none goes to its recovery at once.
//
// UBI has room for two: the new one lies beside the old one until one atomic renaming.
package rawflash
