// Package images makes bootable machines of a system.toml, on the host.
//
// Compose takes a kernel (DebianKernel, KernelFiles, or one of package kernelbuild), the device binary and system.toml,
// packs the initrd's segments and puts the generation into an OCI image layout. WriteMedia
// packs a generation into the images of its board. Run tries one in QEMU. Nothing needs root,
// a loop device or a mount, nothing reads the clock, and the same inputs give the same bytes.
//
// Host programs do what they do well: apt fetches and verifies packages, xz compresses,
// mke2fs prepares the state volume, grub-mkimage links a loader for boards that need one.
// Limits: PC media, disks for UEFI and for U-Boot, and such as QEMU takes a kernel from; no flash formats.
package images
