package slot

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// A variable is one entry of an environment.
type variable struct{ Name, Value string }

// grubSignature is how a GRUB environment block begins. Its length is fixed: GRUB overwrites it in place and fills it with '#'.
const grubSignature = "# GRUB Environment Block\n"

var grubEscape = strings.NewReplacer(`\`, `\\`)

// encodeBlock writes a GRUB environment block of so many bytes.
func encodeBlock(size int, variables []variable) ([]byte, error) {
	b := append(make([]byte, 0, size), grubSignature...)
	for _, v := range variables {
		if err := v.check(); err != nil {
			return nil, err
		}
		b = append(b, v.Name+"="+grubEscape.Replace(v.Value)+"\n"...)
	}
	if len(b) > size {
		return nil, fmt.Errorf("environment block: %d bytes: at most %d", len(b), size)
	}
	return append(b, bytes.Repeat([]byte("#"), size-len(b))...), nil
}

// parseBlock reads a GRUB environment block. Lines that begin with '#' are comments, as GRUB's own tool writes them.
func parseBlock(block []byte) ([]variable, error) {
	text, ok := strings.CutPrefix(string(block), grubSignature)
	if !ok {
		return nil, errors.New("environment block: it does not begin as one")
	}
	var list []variable
	for text != "" && strings.Trim(text, "#") != "" {
		line, rest, ended := strings.Cut(text, "\n")
		if text = rest; strings.HasPrefix(line, "#") && ended {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || !ended {
			return nil, fmt.Errorf("environment block: line %q: want NAME=VALUE", line)
		}
		value, err := grubUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("environment block: line %q: %w", line, err)
		}
		if list, err = appendOnce(list, variable{name, value}); err != nil {
			return nil, fmt.Errorf("environment block: %w", err)
		}
	}
	return list, nil
}

func grubUnescape(value string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' {
			if i++; i == len(value) || value[i] != '\\' {
				return "", errors.New(`a backslash must be followed by another one`)
			}
		}
		b.WriteByte(value[i])
	}
	return b.String(), nil
}

// appendOnce refuses a variable that is malformed or there already: loaders do not agree on which of two counts.
func appendOnce(list []variable, v variable) ([]variable, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	for _, other := range list {
		if other.Name == v.Name {
			return nil, fmt.Errorf("variable %s is there twice", v.Name)
		}
	}
	return append(list, v), nil
}

// check accepts names of letters, digits and '_' and values of printable ASCII.
func (v variable) check() error {
	for i, c := range []byte(v.Name) {
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9' || i == 0) {
			return fmt.Errorf("variable %q: its name has a character that is none of letters, digits and _", v.Name)
		}
	}
	if v.Name == "" {
		return errors.New("a variable has no name")
	}
	for _, c := range []byte(v.Value) {
		if c < ' ' || c > '~' {
			return fmt.Errorf("variable %s: its value %q has a character that is not printable ASCII", v.Name, v.Value)
		}
	}
	return nil
}
