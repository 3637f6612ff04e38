// Package images makes bootable machines of a system.toml, on the host.
//
// Compose takes a kernel (DebianKernel or KernelFiles), the device binary and system.toml,
// packs the initrd's segments and puts the generation into an OCI image layout. WriteMedia
// packs a generation into the images of its board. Run tries one in QEMU. Nothing needs root,
// a loop device or a mount, nothing reads the clock, and the same inputs give the same bytes.
//
// Host programs do what they do well: apt fetches and verifies packages, xz compresses,
// mke2fs prepares the state volume, grub-mkimage links a loader for boards that need one.
// Limits: Debian's kernels or given files, no kernels built from source; PC media and
// disks for UEFI and for a U-Boot that the board has, no flash formats.
package images
