package installing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"bantam/frame"
	"bantam/init/flashing"
	"bantam/init/statevolume"
	"bantam/packing"
)

// A Medium is an open ISO, and the disk image that is in it.
type Medium struct {
	Device   string // e.g. /dev/sr0
	Firmware flashing.Firmware
	image    *frame.Image
	file     *os.File
}

// Close lets go of the medium.
func (m *Medium) Close() error { return m.file.Close() }

// ErrNoMedium: what the machine was started from has not what an installation needs.
var ErrNoMedium = errors.New("no disk or CD of this machine has the ISO that it was started from")

// Find opens the medium that the machine was started from.
func Find(ctx context.Context, o statevolume.Options) (*Medium, error) {
	devices, err := statevolume.Media(ctx, o)
	if err != nil {
		return nil, err
	}
	err = ErrNoMedium
	for _, device := range devices {
		file, openErr := os.Open(device)
		if openErr != nil {
			err = openErr
			continue
		}
		m := &Medium{Device: device, file: file}
		lookErr := m.look(file)
		if lookErr == nil {
			return m, nil
		}
		file.Close()
		if !errors.Is(lookErr, frame.ErrNoISO) { // that is a disk with the same image
			err = fmt.Errorf("%s: %w", device, lookErr)
		}
	}
	return nil, err
}

// look puts the disk image together and says what it is.
func (m *Medium) look(iso io.ReaderAt) error {
	files, err := frame.Files(iso)
	if err != nil {
		return err
	}
	packed := files[frame.File]
	if packed == nil {
		return errors.New("its ISO was built by an older Bantam: it has no boot loader for disks")
	}
	plain, _, err := packing.Open(packed)
	if err == nil {
		defer plain.Close()
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(plain, frame.Most+1)); err == nil && len(b) > frame.Most {
			err = errors.New("it is too large")
		}
		if err == nil {
			m.image, err = frame.Fill(b, frame.Parts{Kernel: files[frame.KernelFile], Initrd: files[frame.InitrdFile], Layers: files[frame.LayersFile]})
		}
	}
	if err != nil {
		return fmt.Errorf("its %s: %w", frame.File, err)
	}
	if m.image.Table.EntriesAt != 0 {
		return fmt.Errorf("its %s: the partition table does not lie where a PC's does", frame.File)
	}
	m.Firmware, err = flashing.Look(m.image)
	return err
}
