package system

import "slices"

// SearchPath is where commands of services and checks are looked for: Bantam's own come before what layers bring.
const SearchPath = "/bin:/usr/sbin:/usr/bin"

// ownCommands are the programs that every machine has in /bin, sorted: Bantam's own.
var ownCommands = []string{
	"[", "awk", "bantam", "base64", "basename", "cat", "chgrp", "chmod", "chown", "clear", "cmp", "comm", "cp", "cut", "date", "dd", "df", "diff", "dirname",
	"dmesg", "du", "echo", "edit", "egrep", "env", "expr", "false", "fgrep", "find", "fold", "free", "grep", "gunzip", "gzip", "halt", "hd", "head", "hexdump",
	"hostname", "hwclock", "id", "ip", "kill", "killall", "less", "ln", "logger", "ls", "lsblk", "lsmod", "md5sum", "mkdir", "mktemp", "modprobe", "more", "mount",
	"mv", "nc", "netstat", "nl", "nohup", "nproc", "nslookup", "od", "paste", "patch", "pgrep", "ping", "pkill", "poweroff", "printenv", "printf", "ps", "readlink",
	"realpath", "reboot", "reset", "resize", "rev", "rm", "rmdir", "rmmod", "scp", "sed", "seq", "sh", "sha1sum", "sha256sum", "sha512sum", "sleep", "sort", "ss", "stat",
	"stty", "sync", "sysctl", "tac", "tail", "tar", "tcpdump", "tee", "test", "timeout", "top", "touch", "tr", "traceroute", "true", "truncate", "umount", "uname",
	"uniq", "unxz", "unzstd", "uptime", "view", "watch", "wc", "wget", "which", "whoami", "xargs", "xz", "xzcat", "yes", "zcat", "zstd", "zstdcat",
}

// OwnCommands are the names of Bantam's own commands, which are in /bin of every machine, sorted. The host, which has none of
// them, knows from it what a service may start.
func OwnCommands() []string { return slices.Clone(ownCommands) }

// IsOwnCommand tells whether a name is one of Bantam's own commands.
func IsOwnCommand(name string) bool {
	_, found := slices.BinarySearch(ownCommands, name)
	return found
}
