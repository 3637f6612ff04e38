package applet

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"bantam/editor/compare"
)

// filePatch is what a patch says of one file.
type filePatch struct {
	old, new     string // names, "" where the patch has none
	oldGone      bool   // the file is made by the patch
	newGone      bool   // the file is removed by it
	mode         uint32 // of a new file, 0 if the patch does not say
	hunks        []patchHunk
	unsupported  string // what of the patch cannot be done
	patchAtStart int    // line of the patch, from 1
}

// patchHunk is one place: old lines that become new ones, both with those around.
type patchHunk struct {
	from           int // first old line, from 1; 0 before the first line of an empty file
	old, new       [][]byte
	prefix, suffix int // lines of context at both ends
}

// reverse exchanges old and new.
func (p filePatch) reverse() filePatch {
	p.old, p.new, p.oldGone, p.newGone = p.new, p.old, p.newGone, p.oldGone
	hunks := make([]patchHunk, len(p.hunks))
	shift := 0
	for i, h := range p.hunks {
		hunks[i] = patchHunk{h.from + shift, h.new, h.old, h.prefix, h.suffix}
		if len(h.old) == 0 {
			hunks[i].from++ // an empty range names the line before
		}
		if len(h.new) == 0 {
			hunks[i].from--
		}
		shift += len(h.new) - len(h.old)
	}
	p.hunks = hunks
	return p
}

// parsePatch reads unified diffs, those of git among them. Text around them is
// left alone.
func parsePatch(text []byte) ([]filePatch, error) {
	lines := compare.Split(text)
	var patches []filePatch
	var git *filePatch // what a "diff --git" said before the names
	for i := 0; i < len(lines); {
		line := trimLine(lines[i])
		switch {
		case strings.HasPrefix(line, "diff --git "):
			if git != nil && (git.unsupported != "" || git.oldGone || git.newGone) {
				patches = append(patches, *git)
			}
			git = &filePatch{patchAtStart: i + 1}
			if a, b, ok := strings.Cut(line[len("diff --git "):], " b/"); ok {
				git.old, git.new = a, "b/"+b
			}
		case git != nil && strings.HasPrefix(line, "new file mode "):
			git.oldGone = true
			mode, _ := strconv.ParseUint(line[len("new file mode "):], 8, 32)
			git.mode = uint32(mode) & 0o777
		case git != nil && strings.HasPrefix(line, "deleted file mode "):
			git.newGone = true
		case git != nil && (strings.HasPrefix(line, "rename from ") || strings.HasPrefix(line, "copy from ")):
			git.unsupported = "renames and copies are not supported"
		case git != nil && strings.HasPrefix(line, "GIT binary patch"):
			git.unsupported = "binary patches are not supported"
		case strings.HasPrefix(line, "*** ") && i+1 < len(lines) && strings.HasPrefix(trimLine(lines[i+1]), "--- ") && len(patches) == 0:
			return nil, fmt.Errorf("line %d: only unified diffs are understood (diff -u)", i+1)
		case strings.HasPrefix(line, "--- ") && i+2 < len(lines) && strings.HasPrefix(trimLine(lines[i+1]), "+++ ") && bytes.HasPrefix(lines[i+2], []byte("@@ -")):
			p := filePatch{patchAtStart: i + 1}
			if git != nil {
				p, git = *git, nil
			}
			var gone bool
			if p.old, gone = patchName(line[4:]); gone {
				p.oldGone = true
			}
			if p.new, gone = patchName(trimLine(lines[i+1])[4:]); gone {
				p.newGone = true
			}
			i += 2
			for i < len(lines) && bytes.HasPrefix(lines[i], []byte("@@ -")) {
				h, next, err := parseHunk(lines, i)
				if err != nil {
					return nil, err
				}
				p.hunks = append(p.hunks, h)
				i = next
			}
			patches = append(patches, p)
			continue
		}
		i++
	}
	if git != nil && (git.unsupported != "" || git.oldGone || git.newGone) {
		patches = append(patches, *git)
	}
	if len(patches) == 0 {
		return nil, errors.New("there is no unified diff in it")
	}
	return patches, nil
}

func trimLine(line []byte) string { return strings.TrimRight(string(line), "\r\n") }

// patchName is the name in a line of --- or +++. gone says that there is no such
// file on this side: it is /dev/null, or its time is the epoch.
func patchName(text string) (name string, gone bool) {
	name, stamp, _ := strings.Cut(text, "\t")
	if strings.HasPrefix(name, `"`) {
		if unquoted, err := strconv.Unquote(name); err == nil {
			name = unquoted
		}
	}
	if name == "/dev/null" {
		return "", true
	}
	at, err := time.Parse("2006-01-02 15:04:05 -0700", stamp) // fractions are taken too
	return name, err == nil && at.Unix() == 0
}

// parseHunk reads one hunk from its @@ line on.
func parseHunk(lines [][]byte, i int) (h patchHunk, next int, err error) {
	start := i + 1
	bad := func(why string) (patchHunk, int, error) {
		return patchHunk{}, 0, fmt.Errorf("line %d: the patch is damaged: %s", start, why)
	}
	ranges := strings.Fields(trimLine(lines[i]))
	if len(ranges) < 4 || ranges[3] != "@@" {
		return bad("no @@ -FROM,COUNT +FROM,COUNT @@")
	}
	from, olds, ok := parseRange(ranges[1], '-')
	_, news, ok2 := parseRange(ranges[2], '+')
	if !ok || !ok2 {
		return bad("no @@ -FROM,COUNT +FROM,COUNT @@")
	}
	h.from = from
	leading, trailing := true, 0
	for i++; olds > 0 || news > 0; i++ {
		if i >= len(lines) {
			return bad("it is cut off")
		}
		start = i + 1
		line := lines[i]
		mark, rest := byte(' '), line
		if len(line) > 0 && line[0] != '\n' && line[0] != '\r' { // mailers cut the blank of an empty line
			mark, rest = line[0], line[1:]
		}
		if i+1 < len(lines) && lines[i+1][0] == '\\' {
			rest = bytes.TrimSuffix(rest, []byte("\n"))
		} else if !bytes.HasSuffix(rest, []byte("\n")) {
			rest = append(rest[:len(rest):len(rest)], '\n') // the patch itself lacks its last line end
		}
		if mark == ' ' || mark == '-' {
			olds--
			h.old = append(h.old, rest)
		}
		if mark == ' ' || mark == '+' {
			news--
			h.new = append(h.new, rest)
		}
		switch mark {
		case ' ':
			trailing++
			if leading {
				h.prefix++
			}
		case '-', '+':
			leading, trailing = false, 0
		case '\\':
		default:
			return bad(fmt.Sprintf("a line begins with %q", mark))
		}
		if olds < 0 || news < 0 {
			return bad("a hunk has more lines than it says")
		}
	}
	if i < len(lines) && len(lines[i]) > 0 && lines[i][0] == '\\' {
		i++
	}
	if leading {
		return bad("a hunk changes nothing")
	}
	h.suffix = trailing
	return h, i, nil
}

// parseRange reads -FROM,COUNT, where ,1 may be left out.
func parseRange(text string, sign byte) (from, count int, ok bool) {
	if text[0] != sign {
		return 0, 0, false
	}
	first, rest, more := strings.Cut(text[1:], ",")
	from, err := strconv.Atoi(first)
	count = 1
	var err2 error
	if more {
		count, err2 = strconv.Atoi(rest)
	}
	const most = 1 << 30
	return from, count, err == nil && err2 == nil && from >= 0 && count >= 0 && from < most && count < most
}
