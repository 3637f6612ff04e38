package ymodem

// crc16 is the CRC of XMODEM and YMODEM: polynomial x^16+x^12+x^5+1, beginning with 0, highest bit first.
func crc16(data []byte) (crc uint16) {
	for _, b := range data {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
