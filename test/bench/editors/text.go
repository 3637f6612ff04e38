package editors

import (
	_ "embed"
	"strings"
)

// original is the file that every editor gets: 200 lines.
//
//go:embed testdata/system.toml
var original string

// What the script knows of the file.
const (
	firstWords = "# The router of the workshop."
	wanted     = "exporter" // once, on the seventh page
	comment    = "  # of our own making"
	editedLine = `  "/bin/exporter",` + comment
)

// edited is the file as the typical edit leaves it.
func edited() string {
	return strings.Replace(original, strings.TrimSuffix(editedLine, comment), editedLine, 1)
}
