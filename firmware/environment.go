package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
)

// A Variable is one of a U-Boot environment.
type Variable struct{ Name, Value string }

// An Environment is the form in which a build of U-Boot keeps its variables (its env/common.c): a CRC-32 of what follows, in the
// byte order of the processor; of which there are two copies, a byte that tells the newer one; NAME=VALUE and a zero byte for each; a
// further zero byte; and anything behind it.
type Environment struct {
	Size      int  // bytes
	BigEndian bool // the checksum
	Redundant bool // the byte is there
}

// begin is where the variables do.
func (e Environment) begin() int {
	if e.Redundant {
		return 5
	}
	return 4
}

func (e Environment) order() binary.ByteOrder {
	if e.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// Encode writes variables, with zeros behind them as U-Boot's mkenvimage has with -p 0. The flag counts where there are two copies.
func (e Environment) Encode(list []Variable, flag byte) ([]byte, error) {
	b := make([]byte, e.begin(), max(e.Size, 8))
	if e.Redundant {
		b[4] = flag
	}
	for i, v := range list {
		if err := v.check(list[:i]); err != nil {
			return nil, fmt.Errorf("environment: %w", err)
		}
		b = append(b, v.Name+"="+v.Value+"\x00"...)
	}
	if len(list) == 0 {
		b = append(b, 0) // where nothing is, two zeros end it, too
	}
	if len(b) >= e.Size {
		return nil, fmt.Errorf("environment: %d bytes: at most %d", len(b)+1, e.Size)
	}
	b = b[:e.Size]
	e.order().PutUint32(b, crc32.ChecksumIEEE(b[e.begin():]))
	return b, nil
}

// Parse reads exactly Size bytes that U-Boot or Encode wrote.
func (e Environment) Parse(b []byte) (list []Variable, flag byte, err error) {
	if len(b) != e.Size || len(b) < e.begin()+2 {
		return nil, 0, fmt.Errorf("environment: %d bytes, want %d", len(b), e.Size)
	}
	if e.order().Uint32(b) != crc32.ChecksumIEEE(b[e.begin():]) {
		return nil, 0, errors.New("environment: its checksum is wrong")
	}
	if e.Redundant {
		flag = b[4]
	}
	text, _, ended := strings.Cut(string(b[e.begin():]), "\x00\x00")
	if !ended {
		return nil, 0, errors.New("environment: it has no end")
	}
	if text = strings.TrimPrefix(text, "\x00"); text == "" {
		return nil, flag, nil
	}
	for entry := range strings.SplitSeq(text, "\x00") {
		name, value, ok := strings.Cut(entry, "=")
		if !ok {
			return nil, 0, fmt.Errorf("environment: %q: want NAME=VALUE", entry)
		}
		v := Variable{name, value}
		if err := v.check(list); err != nil {
			return nil, 0, fmt.Errorf("environment: %w", err)
		}
		list = append(list, v)
	}
	return list, flag, nil
}

// check refuses a variable that cannot be written as one, or is there already: loaders do not agree on which of two counts.
func (v Variable) check(others []Variable) error {
	if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.Contains(v.Value, "\x00") {
		return fmt.Errorf("variable %q: want a name without = and a value without a zero byte", v.Name)
	}
	for _, other := range others {
		if other.Name == v.Name {
			return fmt.Errorf("variable %s is there twice", v.Name)
		}
	}
	return nil
}

// SecondCounts tells by the bytes of two readable copies whether U-Boot goes by the second: on NOR 1 beats 0, elsewhere the byte is
// a serial that wraps.
func SecondCounts(first, second byte) bool {
	switch {
	case first == 255 && second == 0:
		return true
	case second == 255 && first == 0:
		return false
	}
	return second > first
}
