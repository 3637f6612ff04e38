package applet

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"strings"
)

// digests are the checksum commands. MD5 and SHA-1 find damage, not malice; they
// are here because downloads are still published with them.
var digests = map[string]struct {
	new   func() hash.Hash
	title string // as in "SHA256 (FILE) = DIGEST"
}{
	"md5sum":    {md5.New, "MD5"},
	"sha1sum":   {sha1.New, "SHA1"},
	"sha256sum": {sha256.New, "SHA256"},
	"sha512sum": {sha512.New, "SHA512"},
}

func digestCommand(c *call, args []string) int {
	opts, files, err := parseOptions("cbtsqi", map[string]byte{"check": 'c', "status": 's', "quiet": 'q', "ignore-missing": 'i', "binary": 'b', "text": 't'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if !opts.has('c') {
		for _, file := range orStdin(files) {
			if digest, ok := c.digest(file); ok {
				mark := byte(' ')
				if opts.has('b') {
					mark = '*'
				}
				prefix, name := escapeName(file)
				c.printf("%s%s %c%s\n", prefix, digest, mark, name)
			}
		}
		return c.status
	}
	for _, list := range orStdin(files) {
		c.check(list, opts)
	}
	return c.status
}

// digest is the checksum of a file in hexadecimal digits.
func (c *call) digest(file string) (string, bool) {
	h := digests[c.name].new()
	ok := c.withInput(file, func(r io.Reader) error { _, err := io.Copy(h, r); return err })
	return hex.EncodeToString(h.Sum(nil)), ok
}

// check compares the files of a list, as the command prints one, with their
// checksums there.
func (c *call) check(list string, opts options) {
	bad, unread, malformed, checked := 0, 0, 0, 0
	read := c.withInput(list, func(r io.Reader) error {
		return eachLine(r, func(raw []byte) error {
			line := strings.TrimRight(string(raw), "\r\n")
			if line == "" || line[0] == '#' {
				return nil
			}
			want, name, ok := c.checkLine(line)
			if !ok {
				malformed++
				return nil
			}
			if opts.has('i') && name != "-" {
				if _, err := os.Lstat(name); os.IsNotExist(err) {
					return nil
				}
			}
			checked++
			got, ok := c.digest(name)
			result := "OK"
			switch {
			case !ok:
				result = "FAILED open or read"
				unread++
			case got != want:
				result = "FAILED"
				bad++
			}
			if !opts.has('s') && !(opts.has('q') && result == "OK") {
				prefix, shown := escapeName(name)
				c.printf("%s%s: %s\n", prefix, shown, result)
			}
			return nil
		})
	})
	if !read {
		return
	}
	switch {
	case checked == 0 && malformed == 0 && opts.has('i'):
		c.warn("%s: no file was verified", PrintableLine(list))
	case checked == 0:
		c.warn("%s: no properly formatted checksum lines found", PrintableLine(list))
	case !opts.has('s'):
		if malformed > 0 {
			c.warn("%d lines are improperly formatted", malformed)
		}
		if unread > 0 {
			c.warn("%d listed files could not be read", unread)
		}
		if bad > 0 {
			c.warn("%d computed checksums did NOT match", bad)
		}
	}
	if bad > 0 || unread > 0 || checked == 0 {
		c.status = 1
	}
}

// checkLine reads "DIGEST  NAME", where the second blank may be *, or BSD's
// "SHA256 (NAME) = DIGEST".
func (c *call) checkLine(line string) (want, name string, ok bool) {
	line, escaped := strings.CutPrefix(strings.TrimLeft(line, " \t"), `\`)
	if rest, bsd := strings.CutPrefix(line, digests[c.name].title+" ("); bsd {
		i := strings.LastIndex(rest, ") = ")
		if i < 0 {
			return "", "", false
		}
		name, want = rest[:i], rest[i+4:]
	} else if want, name, ok = strings.Cut(line, " "); ok && name != "" && (name[0] == ' ' || name[0] == '*') {
		name = name[1:]
	}
	if sum, err := hex.DecodeString(want); err != nil || len(sum) != digests[c.name].new().Size() || name == "" {
		return "", "", false
	}
	if escaped {
		name = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace(name)
	}
	return strings.ToLower(want), name, true
}

// escapeName keeps a name on one line; prefix marks a line whose name is not as
// it is written.
func escapeName(name string) (prefix, shown string) {
	if !strings.ContainsAny(name, "\\\n\r") {
		return "", name
	}
	return `\`, strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
}
