package supervise

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	"bantam/lifecycle"
)

// defaultPath is the PATH of a service that sets none.
const defaultPath = "/bin:/sbin:/usr/bin:/usr/sbin"

// Fingerprint is everything that makes a service what it is: its definition and
// its executable; see lifecycle.SameFingerprint. Two services with one
// fingerprint need no restart between them. digestOf gives the digest of a file;
// its fs.ErrNotExist means to look on in PATH. An executable that is nowhere has
// a fingerprint too, so that its appearance is a change.
func Fingerprint(def Definition, digestOf func(path string) (string, error)) string {
	text, err := json.Marshal(def.resolved())
	if err != nil {
		return lifecycle.UnknownProgram("", err) // no definition has what JSON has not
	}
	sum := sha256.Sum256(text)
	definition := hex.EncodeToString(sum[:])
	if len(def.Argv) == 0 {
		return lifecycle.Fingerprint(definition, "")
	}
	for _, path := range candidates(def.Argv[0], def.Env) {
		digest, err := digestOf(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return lifecycle.UnknownProgram(definition, err)
		}
		return lifecycle.Fingerprint(definition, path+" "+digest)
	}
	return lifecycle.Fingerprint(definition, "")
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
