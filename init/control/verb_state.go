package control

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"golang.org/x/sys/unix"
)

const stateHelp = `Without a word: where generations, the draft, leases and all else below /state are kept, how full
that is, and which folders of services last there, with their users and who uses them. What no
service uses any more stays until it is removed. --json prints it as one JSON document.

renew        throw all of it away: the next boot makes the state volume anew and runs the
             generation of the image. The way out of a damaged volume, and back to how the machine
             was delivered. Asks first; --yes is the answer for scripts. With --reboot it restarts
             at once: a factory reset, as the reset button's ("bantam help recovery")
keep         take that back, before the next boot
remove PATH  remove a folder that no service uses, with all that is in it, e.g. /var/lib/mosquitto.
             Asks first; --yes is the answer for scripts

It lies on the disk that the machine was started from, in a partition behind the image that the
first boot makes. "in memory" is followed by the reason; all works then, and is forgotten at the
next boot. A disk that comes late is told, and used by the next boot: reboot. What a damaged
volume still has can be looked at: mount -t ext4 -o ro,noload DEVICE /mnt`

// StateFolder is one of the answer to "state folders".
type StateFolder struct {
	Path   string   `json:"path"`              // e.g. /var/lib/mosquitto
	Place  string   `json:"place"`             // on the state volume, e.g. /state/services/var:lib:mosquitto
	User   string   `json:"user"`              // e.g. mosquitto, or a number that no user has
	UsedBy []string `json:"used_by,omitempty"` // e.g. "service mosquitto"
}

// statePath is where the state volume, or memory in its place, is mounted.
const statePath = "/state"

func runState(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--yes --json --reboot")
	if code != 0 {
		return code
	}
	word := ""
	if len(rest) > 0 {
		word = rest[0]
	}
	operands := 1
	if word == "remove" {
		operands = 2
	}
	switch {
	case len(rest) > operands:
		return c.misuse("%q is too much", rest[operands])
	case flags["--yes"] != "" && word != "renew" && word != "remove":
		return c.misuse("--yes belongs to renew and remove")
	case flags["--reboot"] != "" && word != "renew":
		return c.misuse("--reboot belongs to renew")
	case flags["--json"] != "" && word != "":
		return c.misuse("--json belongs to no word")
	case word == "":
		return c.showState(flags["--json"] != "")
	case word == "renew" && flags["--yes"] == "" &&
		!c.sure("--yes throws all of the state away at the next boot", "All generations, the draft, secrets, services' folders and every file below /state will be gone."):
		return ExitError
	case word == "renew" || word == "keep":
		last, _ := c.ask(Request{Verb: "state " + word}, nil)
		if last.Exit == ExitGood && flags["--reboot"] != "" {
			return c.endMachine("reboot")
		}
		return last.Exit
	case word == "remove" && len(rest) == 1:
		return c.misuse("remove which folder?")
	case word == "remove":
		return c.removeState(rest[1], flags["--yes"] != "")
	}
	return c.misuse("%q is none of renew, keep and remove", word)
}

func (c *client) removeState(folder string, yes bool) int {
	var folders []StateFolder
	if last, ok := c.ask(Request{Verb: "state folders"}, &folders); !ok {
		return max(last.Exit, ExitError)
	}
	i := slices.IndexFunc(folders, func(f StateFolder) bool { return f.Path == folder })
	switch { // nobody is asked for what is refused
	case i < 0:
		return c.fail(fmt.Errorf("%s is no folder that lasts; `bantam state` lists them", folder))
	case len(folders[i].UsedBy) > 0:
		return c.fail(fmt.Errorf("%s is used by %s; take it out of its state first, and switch", folder, Words(folders[i].UsedBy)))
	}
	if !yes && !c.sure("--yes removes it", "All that is in "+visible(folder)+" will be gone, for every generation.") {
		return ExitError
	}
	last, _ := c.ask(Request{Verb: "state remove", Names: []string{folder}}, nil)
	return last.Exit
}

// stateReport is what state --json prints.
type stateReport struct {
	Storage string        `json:"storage"` // where it is kept
	Lasting bool          `json:"lasting"` // it survives a reboot
	Size    uint64        `json:"size"`    // bytes
	Free    uint64        `json:"free"`
	Folders []StateFolder `json:"folders"`
}

func (c *client) showState(asJSON bool) int {
	s, _, code := c.status(nil)
	if code != 0 {
		return code
	}
	var folders []StateFolder
	if last, ok := c.ask(Request{Verb: "state folders"}, &folders); !ok {
		return max(last.Exit, ExitError)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(statePath, &fs); err != nil {
		return c.fail(fmt.Errorf("statfs %s: %w", statePath, err))
	}
	size, free := fs.Blocks*uint64(fs.Bsize), fs.Bavail*uint64(fs.Bsize)
	if asJSON {
		return c.printJSON(stateReport{s.Storage, s.Lasting, size, free, folders})
	}
	fmt.Fprintf(c.out, "%-12s%s\n", "state", s.Storage)
	fmt.Fprintf(c.out, "%-12s%d of %d MiB\n", "free", free>>20, size>>20)
	if len(folders) == 0 {
		return ExitGood
	}
	fmt.Fprintln(c.out)
	t := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	for _, f := range folders {
		used := Words(f.UsedBy)
		if used == "" {
			used = "left; nothing that runs uses it"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", visible(f.Path), f.User, used)
	}
	t.Flush()
	return ExitGood
}
