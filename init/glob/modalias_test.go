package glob

import "testing"

// The kernel's patterns in modules.alias are of the same kind.
func TestPatternsOfModuleAliases(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, s string
		want             bool
	}{
		{"text matches itself", "virtio:d00000001v00001AF4", "virtio:d00000001v00001AF4", true},
		{"text does not match a longer text", "fs-ext4", "fs-ext4x", false},
		{"a star matches nothing", "virtio:d00000001v*", "virtio:d00000001v", true},
		{"a star matches slashes", "of:N*T*Cbrcm,a*", "of:N/soc/uartT(null)Cbrcm,a", true},
		{"stars give back what they took", "pci:v*d*sv*", "pci:v00008086d0000100Esv00001AF4sd1", true},
		{"a question mark needs a byte", "a?", "a", false},
		{"a range holds its ends", "usb:v046Dp08[0-9A-F]*", "usb:v046Dp08FFd0100", true},
		{"a range holds nothing else", "usb:v046Dp08[0-9A]*", "usb:v046Dp08FFd0100", false},
		{"a negated range", "x[!0-9]", "xa", true},
		{"a negated range refuses", "x[!0-9]", "x5", false},
		{"a closing bracket first is meant as such", "x[]a]", "x]", true},
		{"an open bracket is meant as such", "x[a", "x[a", true},
		{"a backslash takes the meaning away", `x\*`, "x*", true},
		{"a backslash matches nothing else", `x\*`, "xy", false},
		{"the empty pattern matches the empty text", "", "", true},
		{"stars alone match the empty text", "**", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Match(tt.pattern, tt.s); got != tt.want {
				t.Errorf("Match(%q, %q) = %v, want %v", tt.pattern, tt.s, got, tt.want)
			}
		})
	}
}
