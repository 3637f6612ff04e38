package applet

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// humanSize is a number of bytes as GNU's -h writes it: 1.5K, 12M, rounded up.
func humanSize(bytes int64) string {
	if bytes < 1024 {
		return strconv.FormatInt(bytes, 10)
	}
	value := float64(bytes)
	for _, unit := range "KMGTPE" {
		value /= 1024
		if up := math.Ceil(value*10) / 10; up < 10 {
			return fmt.Sprintf("%.1f%c", up, unit)
		}
		if up := math.Ceil(value); up < 1024 {
			return fmt.Sprintf("%.0f%c", up, unit)
		}
	}
	return strconv.FormatInt(bytes, 10)
}

// parseSize reads a number of bytes with an optional suffix: 4k, 1M, 2G, 512b.
func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "bcwkKmMgGBi")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	unit := int64(1)
	switch suffix := text[len(digits):]; suffix {
	case "", "c":
	case "w":
		unit = 2
	case "b":
		unit = 512
	case "k", "K", "KiB":
		unit = 1 << 10
	case "m", "M", "MiB":
		unit = 1 << 20
	case "g", "G", "GiB":
		unit = 1 << 30
	case "kB":
		unit = 1000
	case "MB":
		unit = 1000 * 1000
	case "GB":
		unit = 1000 * 1000 * 1000
	default:
		return 0, fmt.Errorf("%q is not a size", text)
	}
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is too large", text)
	}
	return n * unit, nil
}

// byteCount is a number of bytes, in octal or hexadecimal when it begins so.
func byteCount(text string) (int64, error) {
	if len(text) > 1 && text[0] == '0' {
		n, err := strconv.ParseInt(text, 0, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%q is not a number of bytes", text)
		}
		return n, nil
	}
	return parseSize(text)
}
