package applet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// test evaluates a condition: 0 true, 1 false, 2 not understood. This is for
// xargs, find and services that name it directly; the shell calls Condition.
func test(c *call, args []string) int {
	if c.name == "[" {
		if len(args) == 0 || args[len(args)-1] != "]" {
			return c.misuse("] is missing")
		}
		args = args[:len(args)-1]
	}
	result, err := Condition(args, func(path string) string { return path }, func(fd int) bool {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return err == nil
	})
	if err != nil {
		c.warn("%v", err)
		return 2
	}
	if result {
		return 0
	}
	return 1
}

// Condition evaluates the arguments of test: none is false. path makes a name one that
// this process can use, terminal tells whether a descriptor is one.
func Condition(args []string, path func(string) string, terminal func(fd int) bool) (bool, error) {
	t := &tester{args, path, terminal}
	if len(args) == 0 {
		return false, nil
	}
	result, err := t.either()
	if err == nil && len(t.args) > 0 {
		err = fmt.Errorf("unexpected %q", t.args[0])
	}
	return result && err == nil, err
}

type tester struct {
	args     []string
	path     func(string) string
	terminal func(int) bool
}

func (t *tester) peek(i int) string {
	if i < len(t.args) {
		return t.args[i]
	}
	return ""
}

func (t *tester) either() (bool, error) {
	result, err := t.both()
	for err == nil && t.peek(0) == "-o" {
		t.args = t.args[1:]
		var right bool
		right, err = t.both()
		result = result || right
	}
	return result, err
}

func (t *tester) both() (bool, error) {
	result, err := t.one()
	for err == nil && t.peek(0) == "-a" {
		t.args = t.args[1:]
		var right bool
		right, err = t.one()
		result = result && right
	}
	return result, err
}

var comparisons = " = == != < > -eq -ne -lt -le -gt -ge -nt -ot -ef "

func (t *tester) one() (bool, error) {
	if len(t.args) == 0 {
		return false, errors.New("a condition is missing")
	}
	// With an operator in the middle the first word is an operand, whatever it is.
	if len(t.args) >= 3 && strings.Contains(comparisons, " "+t.args[1]+" ") {
		a, operator, b := t.args[0], t.args[1], t.args[2]
		t.args = t.args[3:]
		return t.compareWords(a, operator, b)
	}
	word := t.args[0]
	t.args = t.args[1:]
	switch {
	case word == "!" && len(t.args) > 0:
		result, err := t.one()
		return !result, err
	case word == "(" && len(t.args) > 0:
		result, err := t.either()
		if err == nil && t.peek(0) != ")" {
			return false, errors.New(") is missing")
		}
		if err == nil {
			t.args = t.args[1:]
		}
		return result, err
	case len(word) == 2 && word[0] == '-' && len(t.args) > 0 && strings.Contains("bcdefghLknprsStuwxz", word[1:]):
		operand := t.args[0]
		t.args = t.args[1:]
		return t.testOne(word[1], operand)
	}
	return word != "", nil
}

func (t *tester) testOne(letter byte, operand string) (bool, error) {
	switch letter {
	case 'n':
		return operand != "", nil
	case 'z':
		return operand == "", nil
	case 'r':
		return unix.Faccessat(unix.AT_FDCWD, t.path(operand), unix.R_OK, unix.AT_EACCESS) == nil, nil
	case 'w':
		return unix.Faccessat(unix.AT_FDCWD, t.path(operand), unix.W_OK, unix.AT_EACCESS) == nil, nil
	case 'x':
		return unix.Faccessat(unix.AT_FDCWD, t.path(operand), unix.X_OK, unix.AT_EACCESS) == nil, nil
	case 't':
		fd, err := strconv.Atoi(operand)
		if err != nil {
			return false, fmt.Errorf("%q is not a descriptor", operand)
		}
		return t.terminal(fd), nil
	}
	look := os.Stat
	if letter == 'L' || letter == 'h' {
		look = os.Lstat
	}
	info, err := look(t.path(operand))
	if err != nil {
		return false, nil
	}
	mode := info.Mode()
	switch letter {
	case 'b':
		return mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0, nil
	case 'c':
		return mode&fs.ModeCharDevice != 0, nil
	case 'd':
		return mode.IsDir(), nil
	case 'f':
		return mode.IsRegular(), nil
	case 'g':
		return mode&fs.ModeSetgid != 0, nil
	case 'h', 'L':
		return mode&fs.ModeSymlink != 0, nil
	case 'k':
		return mode&fs.ModeSticky != 0, nil
	case 'p':
		return mode&fs.ModeNamedPipe != 0, nil
	case 's':
		return info.Size() > 0, nil
	case 'S':
		return mode&fs.ModeSocket != 0, nil
	case 'u':
		return mode&fs.ModeSetuid != 0, nil
	}
	return true, nil // -e
}

func (t *tester) compareWords(a, operator, b string) (bool, error) {
	switch operator {
	case "=", "==":
		return a == b, nil
	case "!=":
		return a != b, nil
	case "<":
		return a < b, nil
	case ">":
		return a > b, nil
	case "-nt", "-ot", "-ef":
		x, errX := os.Stat(t.path(a))
		y, errY := os.Stat(t.path(b))
		switch {
		case operator == "-ef":
			return errX == nil && errY == nil && os.SameFile(x, y), nil
		case operator == "-nt":
			return errX == nil && (errY != nil || x.ModTime().After(y.ModTime())), nil
		}
		return errY == nil && (errX != nil || x.ModTime().Before(y.ModTime())), nil
	}
	x, err := strconv.ParseInt(strings.TrimSpace(a), 10, 64)
	if err != nil {
		return false, fmt.Errorf("%q is not a number", a)
	}
	y, err := strconv.ParseInt(strings.TrimSpace(b), 10, 64)
	if err != nil {
		return false, fmt.Errorf("%q is not a number", b)
	}
	switch operator {
	case "-eq":
		return x == y, nil
	case "-ne":
		return x != y, nil
	case "-lt":
		return x < y, nil
	case "-le":
		return x <= y, nil
	case "-gt":
		return x > y, nil
	}
	return x >= y, nil
}
