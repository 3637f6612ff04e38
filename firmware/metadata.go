package firmware

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Metadata say for which boards a firmware is, as OpenWrt's images do (its include/image-commands.mk, and fwtool.sh on the device).
type Metadata struct {
	Version string   // of the form of these, e.g. "1.1"
	Compat  string   // e.g. "1.0": of another major version the flash is laid out anew; of another minor one the configuration does not fit
	Message string   // what a person must know who goes from an older Compat to this
	Devices []string // e.g. "gnubee,gb-pc1"
	Release Release
}

// Bantam is the distribution of Bantam's own firmware.
const Bantam = "Bantam"

// Release is what the firmware is.
type Release struct {
	Distribution string `json:"dist"`
	Version      string `json:"version"`
	Revision     string `json:"revision"`
	Target       string `json:"target"` // e.g. "ramips/mt7621"
	Board        string `json:"board"`  // e.g. "gnubee_gb-pc1"
}

// metadataForm is how they are written. An older device reads supported_devices alone: where its layout does not fit, there is a message
// instead of names.
type metadataForm struct {
	Version string   `json:"metadata_version"`
	Compat  string   `json:"compat_version,omitempty"`
	Message string   `json:"compat_message,omitempty"`
	New     []string `json:"new_supported_devices,omitempty"`
	Devices []string `json:"supported_devices"`
	Release *Release `json:"version,omitempty"`
}

const (
	metadataVersion = "1.1"
	compatFirst     = "1.0"
)

// ParseMetadata reads the JSON of a trailer.
func ParseMetadata(b []byte) (m Metadata, err error) {
	var form metadataForm
	if err := json.Unmarshal(b, &form); err != nil {
		return m, fmt.Errorf("metadata: %w", err)
	}
	m = Metadata{Version: form.Version, Compat: form.Compat, Message: form.Message, Devices: form.Devices}
	if form.Release != nil {
		m.Release = *form.Release
	}
	if m.Compat == "" {
		m.Compat = compatFirst
	}
	if len(form.New) > 0 {
		m.Devices = form.New
	}
	if major, _, _ := strings.Cut(m.Version, "."); major != "1" {
		return m, fmt.Errorf("metadata: version %q: want 1.something", m.Version)
	}
	return m, m.check()
}

func (m Metadata) check() error {
	if len(m.Devices) == 0 || slices.Contains(m.Devices, "") {
		return errors.New("metadata: they name no device")
	}
	if _, _, err := splitCompat(m.Compat); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	return nil
}

// Encode writes the JSON of a trailer.
func (m Metadata) Encode() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	form := metadataForm{Version: metadataVersion, Compat: m.Compat, Message: m.Message, Devices: m.Devices, Release: &m.Release}
	if m.Compat != compatFirst {
		form.New = m.Devices
		message := m.Message
		if message == "" {
			message = "a new installation"
		}
		form.Devices = []string{fmt.Sprintf("%s - Image version mismatch: image %s, device %s. Please wipe config during upgrade (force required) or reinstall. Reason: %s",
			m.Devices[0], m.Compat, compatFirst, message)}
	}
	b, err := json.Marshal(form)
	return append(b, '\n'), err
}

// Reasons for which a firmware does not fit a device.
var (
	ErrDevice     = errors.New("the image is for other devices")
	ErrLayout     = errors.New("the image lays out the flash anew")
	ErrNotKeeping = errors.New("the configuration cannot be kept")
)

// Fits tells whether the image is for a device with a name and a version of its layout, e.g. "gnubee,gb-pc1" and "1.0" (also if it says
// none). Errors are of the kinds above; that with ErrNotKeeping is for whom keeps the configuration.
func (m Metadata) Fits(device, compat string) error {
	if !slices.Contains(m.Devices, device) {
		return fmt.Errorf("%w: %q; this is %q", ErrDevice, m.Devices, device)
	}
	if compat == "" {
		compat = compatFirst
	}
	hasMajor, hasMinor, err := splitCompat(compat)
	if err != nil {
		return err
	}
	major, minor, err := splitCompat(m.Compat)
	if err != nil {
		return err
	}
	kind := error(nil)
	if minor != hasMinor {
		kind = ErrNotKeeping
	}
	if major != hasMajor {
		kind = ErrLayout
	}
	if kind == nil {
		return nil
	}
	return fmt.Errorf("%w: the device is at %s, the image at %s: %q", kind, compat, m.Compat, m.Message)
}

// splitCompat divides MAJOR.MINOR.
func splitCompat(compat string) (major, minor string, err error) {
	major, minor, ok := strings.Cut(compat, ".")
	if !ok || !digits(major) || !digits(minor) {
		return "", "", fmt.Errorf("compatibility version %q: want MAJOR.MINOR", compat)
	}
	return major, minor, nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
