package gpt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// A GUID is kept in the byte order of the disk: the first three groups of its text form are little-endian.
type GUID [16]byte

// ESP is the partition type of an EFI system partition (UEFI specification, table 5-7).
var ESP = MustParseGUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")

// Layers is the type of the partition that holds the read-only file systems of an image, one behind the other.
var Layers = MustParseGUID("62616E74-616D-8C61-B965-727370617274")

// Slot is the type of the raw partitions that a boot loader starts a kernel from.
var Slot = MustParseGUID("62616E74-616D-8510-B974-736C6F747061")

// BootState is the type of the two partitions with a copy each of what the boot loader decides by.
var BootState = MustParseGUID("62616E74-616D-8B07-9374-617465706172")

// BIOSBoot is the type of the partition that holds GRUB's core for machines with a BIOS.
var BIOSBoot = MustParseGUID("21686148-6449-6E6F-744E-656564454649")

// What the GUIDs of an image's partitions are derived for, from its disk's GUID.
const (
	ESPPurpose        = "EFI system partition"
	GRUBPurpose       = "bantam-grub"
	BootState1Purpose = "bantam-boot-1"
	BootState2Purpose = "bantam-boot-2"
	LayersPurpose     = "bantam-layers"
	SlotAPurpose      = "bantam-slot-a"
	SlotBPurpose      = "bantam-slot-b"
	StatePurpose      = "bantam-state"
)

// purposes are all of them.
var purposes = []string{
	ESPPurpose, GRUBPurpose, BootState1Purpose, BootState2Purpose, LayersPurpose, SlotAPurpose, SlotBPurpose, StatePurpose,
}

// textOrder[i] is where byte i of the text form lies on the disk.
var textOrder = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

// ParseGUID reads the text form, for example "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", in either case.
func ParseGUID(text string) (GUID, error) {
	var g GUID
	digits, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(digits) != len(g) || len(text) != 36 ||
		text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return g, fmt.Errorf("GUID %q: want the form 01234567-89AB-CDEF-0123-456789ABCDEF", text)
	}
	for i, at := range textOrder {
		g[at] = digits[i]
	}
	return g, nil
}

// MustParseGUID is ParseGUID for constants.
func MustParseGUID(text string) GUID {
	g, err := ParseGUID(text)
	if err != nil {
		panic(err)
	}
	return g
}

// DeriveGUID makes a GUID from a seed and a purpose instead of from chance, so that the same image has the same GUIDs
// each time it is made. It is marked as a version 8 (custom) UUID of RFC 9562.
func DeriveGUID(seed, purpose string) GUID {
	sum := sha256.Sum256([]byte(purpose + "\x00" + seed))
	sum[6] = sum[6]&0x0F | 0x80
	sum[8] = sum[8]&0x3F | 0x80
	var g GUID
	for i, at := range textOrder {
		g[at] = sum[i]
	}
	return g
}

// String gives the text form in upper case, as sgdisk prints it.
func (g GUID) String() string {
	var text [16]byte
	for i, at := range textOrder {
		text[i] = g[at]
	}
	s := strings.ToUpper(hex.EncodeToString(text[:]))
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// IsZero tells an unused entry's type from a used one's.
func (g GUID) IsZero() bool { return g == GUID{} }
