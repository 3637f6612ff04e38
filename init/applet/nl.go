package applet

import (
	"errors"
	"io"
	"strings"
)

// nl numbers lines. Its logical pages are not known: \: is text as any other.
func nl(c *call, args []string) int {
	opts, files, err := parseOptions("b:n:s:v:i:w:", map[string]byte{"body-numbering": 'b', "number-format": 'n', "number-separator": 's', "number-width": 'w'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	number, err := opts.number('v', 1)
	step, err2 := opts.number('i', 1)
	width, err3 := opts.number('w', 6)
	if err := errors.Join(err, err2, err3); err != nil {
		return c.misuse("%v", err)
	}
	format, known := map[string]string{"ln": "%-*d", "rn": "%*d", "rz": "%0*d"}[opts.value('n', "rn")]
	style := opts.value('b', "t")
	if !known || len(style) != 1 || !strings.Contains("atn", style) || width < 1 || width > 1000 {
		return c.misuse("-n is ln, rn or rz; -b is a, t or n; -w is 1 to 1000")
	}
	separator := opts.value('s', "\t")
	for _, file := range orStdin(files) {
		c.withInput(file, func(r io.Reader) error {
			return eachLine(r, func(raw []byte) error {
				line := strings.TrimSuffix(string(raw), "\n")
				if style == "a" || style == "t" && line != "" {
					c.printf(format+"%s%s\n", width, number, separator, line)
					number += step
				} else {
					c.printf("%*s%s\n", width+len(separator), "", line)
				}
				return nil
			})
		})
	}
	return c.status
}
