package flash

import "fmt"

// Size writes a number of bytes as cards and disks are sold, by powers of 1000: 512 B, 15.3 MB, 31.9 GB.
func Size(bytes int64) string {
	if bytes < 1000 {
		return fmt.Sprintf("%d B", bytes)
	}
	value, unit := float64(bytes)/1000, 0
	for units := len("kMGTPE"); value >= 999.95 && unit < units-1; unit++ {
		value /= 1000
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTPE"[unit])
}
