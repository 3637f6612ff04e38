// Package switcher moves a machine from one generation to another and back.
//
// A generation is one complete machine: a manifest that names its system.toml,
// kernel and initrd segments by digest. Store keeps generations as an OCI image
// layout, on a device and on the host that builds images. A Plan says, as
// plain data, what has to be done to get from what the machine has to what a generation desires. Switcher does it:
// preflight, steps, proof, and only then the boot default; or back again by the
// same code. It acts through Machine, which PID 1 implements.
//
// The boot record is the only thing that decides what the next boot runs, and it
// is replaced in one atomic write. The journal only explains. Everything else on
// a Bantam machine lives in memory, so a power cut leaves the old generation or
// the new one and never a mix.
//
// Limits: a kernel is changed by a reboot alone (see BootLoader), and a kernel module cannot be
// taken out of the running kernel; the plan says so.
package switcher
