package applet

import (
	"io"
	"slices"
	"strings"
)

// tac prints lines from the last to the first.
func tac(c *call, args []string) int {
	_, files, err := parseOptions("", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	for _, file := range orStdin(files) {
		c.withInput(file, func(r io.Reader) error {
			text, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			for rest := string(text); rest != ""; {
				at := strings.LastIndexByte(rest[:len(rest)-1], '\n') + 1
				if _, err := c.out.WriteString(rest[at:]); err != nil {
					return err
				}
				rest = rest[:at]
			}
			return nil
		})
	}
	return c.status
}

// rev prints each line from its last character to the first.
func rev(c *call, args []string) int {
	_, files, err := parseOptions("", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	for _, file := range orStdin(files) {
		c.withInput(file, func(r io.Reader) error {
			return eachLine(r, func(line []byte) error {
				text, ended := strings.CutSuffix(string(line), "\n")
				characters := strings.Split(text, "") // bytes that are no UTF-8 each by itself
				slices.Reverse(characters)
				c.out.WriteString(strings.Join(characters, ""))
				if ended {
					c.out.WriteByte('\n')
				}
				return nil
			})
		})
	}
	return c.status
}
