package images

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Offsets and sizes of the .xz file format, version 1.1.0.
const (
	xzStreamHeader = 12
	xzFooter       = 12
	xzMostHeader   = 1024 // of a block
)

var errXZ = errors.New("xz: not the one block of a stream that was expected")

// growXZ makes an archive of one block so long that its length is a multiple of unit, and changes nothing of what is packed: the
// header of a block may have zeros at its end (.xz file format, 3.1.6). Zeros behind the stream, which the format allows too,
// would hide its end from GRUB.
func growXZ(packed []byte, unit int) ([]byte, error) {
	n := len(packed)
	if n < xzStreamHeader+8+xzFooter || string(packed[:6]) != "\xfd7zXZ\x00" || string(packed[n-2:]) != "YZ" {
		return nil, errXZ
	}
	indexSize := (int(binary.LittleEndian.Uint32(packed[n-8:])) + 1) * 4
	indexAt := n - xzFooter - indexSize
	headerSize := (int(packed[xzStreamHeader]) + 1) * 4
	if indexAt < xzStreamHeader+headerSize || packed[xzStreamHeader] == 0 {
		return nil, errXZ
	}
	index := packed[indexAt:]
	if index[0] != 0 || index[1] != 1 { // indicator, number of records
		return nil, errXZ
	}
	unpadded, used := binary.Uvarint(index[2:])
	size, more := binary.Uvarint(index[2+max(used, 0):])
	if used <= 0 || more <= 0 {
		return nil, errXZ
	}
	for grown := headerSize; grown <= xzMostHeader; grown += 4 {
		header := bytes.Clone(packed[xzStreamHeader:][:headerSize-4])
		header[0] = byte(grown/4 - 1)
		header = withCRC32(append(header, make([]byte, grown-headerSize)...))
		list := binary.AppendUvarint([]byte{0, 1}, unpadded+uint64(grown-headerSize))
		list = binary.AppendUvarint(list, size)
		for len(list)%4 != 0 {
			list = append(list, 0)
		}
		list = withCRC32(list)
		if total := n + grown - headerSize + len(list) - indexSize; total%unit != 0 {
			continue
		}
		footer := binary.LittleEndian.AppendUint32(nil, uint32(len(list)/4-1))
		footer = append(footer, packed[n-4:n-2]...) // the stream's flags
		all := append(bytes.Clone(packed[:xzStreamHeader]), header...)
		all = append(all, packed[xzStreamHeader+headerSize:indexAt]...)
		all = append(all, list...)
		all = binary.LittleEndian.AppendUint32(all, crc32.ChecksumIEEE(footer))
		return append(append(all, footer...), "YZ"...), nil
	}
	return nil, errXZ
}

// withCRC32 is bytes with their checksum behind them.
func withCRC32(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)) }
