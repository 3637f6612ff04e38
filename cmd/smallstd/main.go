// Command smallstd writes an overlay for `go build -overlay`: files of Go's standard library without what costs a device more than it is worth (changes.go).
//
// It has no copies of them: it changes a few lines of what the Go that builds has, and a file where those are not found once stays as it is.
// The folder holds the changed files, and overlay.json with their places.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"bantam/atomicfile"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, errOut io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintln(errOut, "usage: smallstd FOLDER")
		return 2
	}
	missing, err := write(args[0])
	if err != nil {
		fmt.Fprintf(errOut, "smallstd: %v\n", err)
		return 1
	}
	for _, file := range missing { // of another Go: its binaries work as well, and test/lint tells what they weigh
		fmt.Fprintf(errOut, "smallstd: %s is another than is known; it stays as it is\n", file)
	}
	return 0
}

// write writes the overlay, and names the files that it does not know.
func write(folder string) (missing []string, err error) {
	folder, err = filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for file, list := range changes {
		original := filepath.Join(strings.TrimSpace(string(root)), "src", filepath.FromSlash(file))
		text, err := os.ReadFile(original)
		if err != nil {
			return nil, err
		}
		changed, ok := changed(string(text), list)
		if !ok {
			missing = append(missing, file)
			continue
		}
		name := filepath.Join(folder, strings.ReplaceAll(file, "/", "+")+".changed") // not one of this module's
		if err := atomicfile.WriteUnsynced(name, []byte(changed), 0o644); err != nil {
			return nil, err
		}
		overlay.Replace[original] = name
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return nil, err
	}
	return missing, atomicfile.WriteUnsynced(filepath.Join(folder, "overlay.json"), text, 0o644)
}

// changed is a text with its changes, if each finds its place and no other.
func changed(text string, list []change) (string, bool) {
	for _, c := range list {
		if strings.Count(text, c.from) != 1 {
			return "", false
		}
		text = strings.Replace(text, c.from, c.to, 1)
	}
	return text, true
}
