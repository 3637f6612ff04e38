package supervise

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
)

// defaultPath is the PATH of a service that sets none.
const defaultPath = "/bin:/sbin:/usr/bin:/usr/sbin"

// Fingerprint is the SHA-256, in hex, of everything that makes a service what
// it is: its definition and its executable. Two services with one fingerprint
// need no restart between them. digestOf gives the digest of a file; its
// fs.ErrNotExist means to look on in PATH. An executable that is nowhere has a
// fingerprint too, so that its appearance is a change.
func Fingerprint(def Definition, digestOf func(path string) (string, error)) (string, error) {
	text, err := json.Marshal(def.resolved())
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(text)
	if len(def.Argv) > 0 {
		for _, path := range candidates(def.Argv[0], def.Env) {
			digest, err := digestOf(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return "", err
			}
			sum.Write([]byte("\x00" + path + "\x00" + digest))
			break
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// candidates lists the files that a command may mean, as execvp does.
func candidates(command string, env []string) []string {
	if strings.Contains(command, "/") {
		return []string{command}
	}
	path := defaultPath
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok {
			path = value
		}
	}
	var files []string
	for _, dir := range strings.Split(path, ":") {
		if dir == "" {
			dir = "."
		}
		files = append(files, dir+"/"+command)
	}
	return files
}
