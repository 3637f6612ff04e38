package firmware

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// DNI is the header of Netgear's other firmware: 128 bytes of text; then the data, and a byte that makes the sum of all 255. That finds
// one wrong byte, not two.
type DNI struct {
	Device   string // e.g. "R6100"
	Version  string // e.g. "1.00.00"
	Region   string // may be ""
	Hardware string // e.g. "29764434+0+128+128+2x2+2x2"; may be ""
	Data     Part   // for ReadDNI to tell
}

const (
	dniBegin  = "device:"
	dniHeader = 128
)

// ReadDNI reads the header of a file, of which all belongs to it. ErrOther if the file does not begin as one.
func ReadDNI(f Source) (d DNI, err error) {
	h, err := header(f, FormatDNI, dniBegin, dniHeader)
	if err != nil {
		return d, err
	}
	text, rest, _ := strings.Cut(string(h), "\x00")
	if strings.Trim(rest, "\x00") != "" {
		return d, fmt.Errorf("Netgear DNI: something lies behind its text: %q", rest)
	}
	for entry := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSuffix(entry, "\n"), ":")
		switch {
		case !ok:
			return d, fmt.Errorf("Netgear DNI: line %q", entry)
		case key == "device":
			d.Device = value
		case key == "version":
			d.Version = strings.TrimPrefix(value, "V")
		case key == "region":
			d.Region = value
		case key == "hd_id":
			d.Hardware = value
		}
	}
	if d.Data = (Part{"data", dniHeader, f.Size() - dniHeader - 1}); d.Data.Size <= 0 {
		return d, errors.New("Netgear DNI: it has no data: it is cut off")
	}
	return d, d.check()
}

func (d DNI) check() error {
	if d.Device == "" || d.Version == "" {
		return errors.New("Netgear DNI: it names no device or no version")
	}
	for _, value := range []string{d.Device, d.Version, d.Region, d.Hardware} {
		if text, ok := line([]byte(value)); !ok || text != value {
			return fmt.Errorf("Netgear DNI: %q is not one line of text", value)
		}
	}
	return nil
}

// Verify reads all and compares the checksum.
func (d DNI) Verify(f Source) error {
	var s byteSum
	if err := copySource(&s, f); err != nil {
		return fmt.Errorf("Netgear DNI: %w", err)
	}
	if s != 0xFF {
		return fmt.Errorf("Netgear DNI: the file is damaged: its bytes add up to %#02x, want 0xff", byte(s))
	}
	return nil
}

// Write writes data, which are read once.
func (d DNI) Write(w io.Writer, data Source) error {
	if err := d.check(); err != nil {
		return err
	}
	text := fmt.Sprintf("device:%s\nversion:V%s\nregion:%s\n", d.Device, d.Version, d.Region)
	if d.Hardware != "" {
		text += fmt.Sprintf("hd_id:%s\n", d.Hardware)
	}
	if len(text) >= dniHeader || data.Size() == 0 {
		return fmt.Errorf("Netgear DNI: %d bytes of text, %d of data: want at most %d, and some", len(text), data.Size(), dniHeader-1)
	}
	var s byteSum
	out := io.MultiWriter(w, &s)
	if _, err := out.Write(append([]byte(text), make([]byte, dniHeader-len(text))...)); err != nil {
		return err
	}
	if err := copySource(out, data); err != nil {
		return fmt.Errorf("Netgear DNI: %w", err)
	}
	_, err := w.Write([]byte{0xFF - byte(s)})
	return err
}

// byteSum is that of what is written to it.
type byteSum byte

func (s *byteSum) Write(b []byte) (int, error) {
	for _, c := range b {
		*s += byteSum(c)
	}
	return len(b), nil
}
