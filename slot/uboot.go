package slot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
)

// encodeEnvironment writes a U-Boot environment of so many bytes, not redundant: a little-endian CRC-32 of what follows, the
// variables with a zero byte behind each, and zeros (U-Boot's env/common.c).
func encodeEnvironment(size int, variables []variable) ([]byte, error) {
	b := make([]byte, 4, size)
	for _, v := range variables {
		if err := v.check(); err != nil {
			return nil, err
		}
		b = append(b, v.name+"="+v.value+"\x00"...)
	}
	if len(b) >= size { // a further zero ends the list
		return nil, fmt.Errorf("environment: %d bytes: at most %d", len(b)+1, size)
	}
	b = b[:size]
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	return b, nil
}

// parseEnvironment reads what U-Boot or encodeEnvironment wrote. U-Boot leaves bytes of older variables behind the end of the list.
func parseEnvironment(b []byte) ([]variable, error) {
	if len(b) < 6 {
		return nil, fmt.Errorf("environment: %d bytes are too few", len(b))
	}
	if binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return nil, errors.New("environment: its checksum is wrong")
	}
	text, _, ended := strings.Cut(string(b[4:]), "\x00\x00")
	if !ended {
		return nil, errors.New("environment: it has no end")
	}
	var list []variable
	if text = strings.TrimPrefix(text, "\x00"); text == "" {
		return nil, nil
	}
	for entry := range strings.SplitSeq(text, "\x00") {
		name, value, ok := strings.Cut(entry, "=")
		if !ok {
			return nil, fmt.Errorf("environment: %q: want NAME=VALUE", entry)
		}
		var err error
		if list, err = appendOnce(list, variable{name, value}); err != nil {
			return nil, fmt.Errorf("environment: %w", err)
		}
	}
	return list, nil
}
