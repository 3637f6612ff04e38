package applet

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bantam/init/glob"
)

// findTests read the value of a word that asks something of a file.
var findTests = map[string]func(f *finder, word, value string) (condition, error){
	"-name": testName, "-iname": testName, "-path": testName, "-ipath": testName,
	"-type": testType, "-newer": testNewer, "-user": testUser, "-perm": testPerm, "-size": testSize,
	"-mtime": testAge, "-mmin": testAge,
}

func testName(_ *finder, word, value string) (condition, error) {
	fold := word[1] == 'i'
	if fold {
		value = strings.ToLower(value)
	}
	return func(e *found) bool {
		text := e.path
		if strings.HasSuffix(word, "name") {
			text = filepath.Base(e.path)
		}
		if fold {
			text = strings.ToLower(text)
		}
		return glob.Match(value, text)
	}, nil
}

func testType(_ *finder, _, value string) (condition, error) {
	for kind := range strings.SplitSeq(value, ",") {
		if len(kind) != 1 || !strings.Contains("bcdflps", kind) {
			return nil, fmt.Errorf("-type: %q is none of b c d f l p s", value)
		}
	}
	return func(e *found) bool {
		kind := modeString(e.info.Mode())[:1]
		if kind == "-" {
			kind = "f"
		}
		return strings.Contains(value, kind)
	}, nil
}

func testNewer(_ *finder, _, value string) (condition, error) {
	info, err := os.Stat(value)
	if err != nil {
		return nil, fmt.Errorf("-newer: %s: %s", value, reason(err))
	}
	return func(e *found) bool { return e.info.ModTime().After(info.ModTime()) }, nil
}

func testUser(_ *finder, _, value string) (condition, error) {
	uid, err := idOf("/etc/passwd", value)
	return func(e *found) bool { return int(stat(e.info).Uid) == uid }, err
}

func testPerm(_ *finder, _, value string) (condition, error) {
	kind, _ := utf8.DecodeRuneInString(value)
	mode, err := changeMode(strings.TrimLeft(value, "-/"), 0, false, 0)
	want := toUnix(mode)
	return func(e *found) bool {
		have := toUnix(e.info.Mode())
		switch kind {
		case '-':
			return have&want == want
		case '/':
			return want == 0 || have&want != 0
		}
		return have == want
	}, err
}

func testSize(_ *finder, _, value string) (condition, error) {
	unit := int64(512)
	digits := strings.TrimRight(value, "ckMGb")
	switch value[len(digits):] {
	case "c":
		unit = 1
	case "k":
		unit = 1 << 10
	case "M":
		unit = 1 << 20
	case "G":
		unit = 1 << 30
	}
	compare, err := comparison(digits)
	return func(e *found) bool { return compare((e.info.Size() + unit - 1) / unit) }, err
}

func testAge(f *finder, word, value string) (condition, error) {
	unit := 24 * time.Hour
	if word == "-mmin" {
		unit = time.Minute
	}
	compare, err := comparison(value)
	return func(e *found) bool {
		age := f.now.Sub(e.info.ModTime())
		if word == "-mmin" {
			age += unit - 1 // minutes are rounded up, days down
		}
		return compare(int64(age / unit))
	}, err
}

// comparison reads N, +N or -N.
func comparison(text string) (func(int64) bool, error) {
	n, err := strconv.ParseInt(strings.TrimLeft(text, "+-"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number", text)
	}
	switch text[0] {
	case '+':
		return func(v int64) bool { return v > n }, nil
	case '-':
		return func(v int64) bool { return v < n }, nil
	}
	return func(v int64) bool { return v == n }, nil
}
