package applet

import (
	"path/filepath"
	"strings"
)

func basename(c *call, args []string) int {
	if len(args) < 1 || len(args) > 2 {
		return c.misuse("needs a path")
	}
	name := filepath.Base(args[0])
	if len(args) == 2 && name != args[1] {
		name = strings.TrimSuffix(name, args[1])
	}
	c.printf("%s\n", name)
	return 0
}

func dirname(c *call, args []string) int {
	if len(args) == 0 {
		return c.misuse("needs a path")
	}
	for _, path := range args {
		trimmed := strings.TrimRight(path, "/")
		i := strings.LastIndexByte(trimmed, '/')
		switch {
		case trimmed == "" && path != "":
			trimmed = "/"
		case i < 0:
			trimmed = "."
		default:
			if trimmed = strings.TrimRight(trimmed[:i], "/"); trimmed == "" {
				trimmed = "/"
			}
		}
		c.printf("%s\n", trimmed)
	}
	return 0
}
