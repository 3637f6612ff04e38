package control

import (
	"bantam/netcfg/firewall"
)

// runFirewall is bantam net firewall.
func runFirewall(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--json")
	if code != 0 {
		return code
	}
	if len(rest) > 0 {
		return c.misuse("%q is too much", rest[0])
	}
	var v firewall.View
	if last, ok := c.ask(Request{Verb: "net firewall"}, &v); !ok {
		return max(last.Exit, ExitError)
	}
	if flags["--json"] != "" {
		return c.printJSON(v)
	}
	if err := v.Table(c.out); err != nil {
		return c.fail(err)
	}
	return ExitGood
}
