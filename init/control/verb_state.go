package control

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const stateHelp = `Without a word: where generations, the draft, leases and all else below /state are kept, and how
full that is.

renew   throw all of it away: the next boot makes the state volume anew and runs the generation of
        the image. The way out of a damaged volume, and back to how the machine was delivered.
        Asks first; --yes is the answer for scripts
keep    take that back, before the next boot

It lies on the disk that the machine was started from, in a partition behind the image that the
first boot makes. "in memory" is followed by the reason; all works then, and is forgotten at the
next boot. A disk that comes late is told, and used by the next boot: reboot. What a damaged
volume still has can be looked at: mount -t ext4 -o ro,noload DEVICE /mnt`

// statePath is where the state volume, or memory in its place, is mounted.
const statePath = "/state"

func runState(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--yes")
	if code != 0 {
		return code
	}
	word := ""
	if len(rest) > 0 {
		word = rest[0]
	}
	switch {
	case len(rest) > 1:
		return c.misuse("%q is too much", rest[1])
	case flags["--yes"] != "" && word != "renew":
		return c.misuse("--yes belongs to renew")
	case word == "":
		return c.showState()
	case word == "renew" && flags["--yes"] == "" &&
		!c.sure("--yes throws all of the state away at the next boot", "All generations, the draft and every file below /state will be gone."):
		return ExitError
	case word == "renew" || word == "keep":
		last, _ := c.ask(Request{Verb: "state " + word}, nil)
		return last.Exit
	}
	return c.misuse("%q is none of renew and keep", word)
}

func (c *client) showState() int {
	s, _, code := c.status(nil)
	if code != 0 {
		return code
	}
	fmt.Fprintf(c.out, "%-12s%s\n", "state", s.Storage)
	var fs unix.Statfs_t
	if err := unix.Statfs(statePath, &fs); err != nil {
		return c.fail(fmt.Errorf("statfs %s: %w", statePath, err))
	}
	mib := func(blocks uint64) uint64 { return blocks * uint64(fs.Bsize) >> 20 }
	fmt.Fprintf(c.out, "%-12s%d of %d MiB\n", "free", mib(fs.Bavail), mib(fs.Blocks))
	return ExitGood
}
