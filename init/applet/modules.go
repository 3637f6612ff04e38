package applet

import (
	"fmt"
	"strconv"
	"strings"

	"bantam/init/kmod"
)

func lsmod(c *call, args []string) int {
	if len(args) > 0 {
		return c.misuse("takes no arguments")
	}
	list, err := kmod.List()
	if err != nil {
		return c.fail("", err)
	}
	rows := [][]string{{"Module", "Size", "Used by"}}
	for _, m := range list {
		uses := strconv.Itoa(max(m.Uses, 0))
		if len(m.UsedBy) > 0 {
			uses += " " + strings.Join(m.UsedBy, ",")
		}
		rows = append(rows, []string{m.Name, strconv.Itoa(m.Size), uses})
	}
	alignment{right: []bool{false, true}, gap: 2}.print(c.out, rows)
	return 0
}

func modprobe(c *call, args []string) int {
	opts, operands, err := parseOptions("+raqv", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(operands) == 0 {
		return c.misuse("needs a module")
	}
	if opts.has('r') {
		return rmmod(c, operands)
	}
	index, err := kmod.Open()
	if err != nil {
		return c.fail("", err)
	}
	loader := kmod.NewLoader(index, kmod.DefaultOptions())
	names, params := operands[:1], strings.Join(operands[1:], " ")
	if opts.has('a') {
		names, params = operands, ""
	}
	for _, name := range names {
		if err := loader.Modprobe(name, params); err != nil {
			c.status = 1
			if !opts.has('q') {
				c.warn("%v", err)
			}
		}
	}
	return c.status
}

func rmmod(c *call, args []string) int {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return c.misuse("needs a module")
	}
	for _, name := range args {
		if err := kmod.Rmmod(name); err != nil {
			fmt.Fprintf(c.err, "%s: %v\n", c.name, err)
			c.status = 1
		}
	}
	return c.status
}
