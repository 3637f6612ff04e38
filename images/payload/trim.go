package payload

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// trimRules is the version of what trimmed leaves out and of what is read of a package: a new one makes layers anew.
const trimRules = "trim 6"

// ballast is what no package's layer has: what is for people who read, what is for programs that a machine of Bantam's
// does not have, and what maintainer scripts leave. A rule is a folder with all below it, or a pattern for one path. The rules know
// nothing of who uses a package, lest two machines have two layers of it.
var ballast = []string{
	// for readers, translators and packagers
	"usr/share/doc", "usr/share/doc-base", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian",
	"usr/share/bug", "usr/share/reportbug", "usr/share/gtk-doc", "usr/share/gnome/help", "usr/share/help", "usr/share/metainfo", "usr/share/appdata",
	"usr/share/menu", "usr/share/calendar", "usr/share/vim/addons", "usr/share/vim/registry", "usr/share/apport", "etc/apport", "usr/share/debhelper",
	// for shells with completion
	"usr/share/bash-completion", "etc/bash_completion.d", "usr/share/zsh", "usr/share/fish",
	// of init systems, schedulers and hotplug daemons; the units are read for what they want
	"usr/lib/systemd", "etc/systemd", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d", "usr/lib/sysctl.d", "etc/sysctl.d", "usr/lib/modules-load.d", "etc/modules-load.d",
	"usr/lib/modprobe.d", "etc/modprobe.d", "usr/lib/binfmt.d", "usr/lib/udev", "etc/udev", "etc/init", "etc/init.d", "etc/rc?.d", "etc/rcS.d", "etc/insserv.conf.d", "etc/runit", "etc/sv",
	"etc/cron.d", "etc/cron.hourly", "etc/cron.daily", "etc/cron.weekly", "etc/cron.monthly", "etc/logrotate.d", "etc/logcheck", "etc/apt", "etc/dpkg", "etc/kernel",
	"etc/initramfs-tools", "usr/share/initramfs-tools", "etc/network/if-*.d", "usr/lib/ifupdown", "etc/NetworkManager", "usr/lib/NetworkManager",
	"etc/ufw", "etc/apparmor.d", "usr/share/apparmor", "etc/resolvconf", "usr/lib/resolvconf", "etc/needrestart",
	// of dpkg, debconf and their kin
	"usr/share/debconf", "usr/share/dbconfig-common", "usr/lib/dpkg", "usr/share/perl5/Debconf", "usr/share/perl5/Debian", "usr/share/python3/runtime.d", "usr/share/python3/debpython",
	// for debuggers
	"usr/lib/debug", "usr/share/gdb/auto-load", "usr/share/systemtap",
	// kernels come with the board
	"usr/lib/modules", "usr/lib/linux", "usr/src",
}

// rare is what few need of a package that nearly all machines carry: of libc6 the vector mathematics, the character sets, NIS,
// Hesiod and what helps to find faults. It is a layer of its own, for those who name the package or load something of it.
var rare = []string{
	"usr/lib/*/libmvec.so.1", "usr/lib/*/gconv/*", "usr/lib/*/libnss_compat.so.2", "usr/lib/*/libnss_hesiod.so.2", "usr/lib/*/libnsl.so.1", "usr/lib/*/libBrokenLocale.so.1",
	"usr/lib/*/audit/*", "usr/lib/*/libmemusage.so", "usr/lib/*/libpcprofile.so", "usr/lib/*/libthread_db.so.1", "usr/lib/*/libc_malloc_debug.so.0",
}

// commonCharsets are those modules of libc for character sets that are not rare; it has others of Unicode within itself.
var commonCharsets = regexp.MustCompile(`/gconv/(gconv-modules|(UTF-|UNICODE|ISO8859-1\.|ISO8859-15\.|CP1252\.).*so)$`)

// isRare tells whether a file of a package belongs to its rare part.
func isRare(name string) bool {
	return !commonCharsets.MatchString(name) && slices.ContainsFunc(rare, func(rule string) bool { ok, _ := path.Match(rule, name); return ok })
}

// trimmed tells whether a path of a package, with merged /usr, is left out of its layer.
func trimmed(name string) bool {
	for at := name; at != "."; at = path.Dir(at) {
		if slices.ContainsFunc(ballast, func(rule string) bool { ok, _ := path.Match(rule, at); return ok }) {
			return true
		}
	}
	return false
}

// asides are files that say what a package wants, or under which licence it is.
var asides = []string{"usr/lib/systemd/system/*.service", "usr/lib/sysusers.d/*.conf", "usr/lib/tmpfiles.d/*.conf", "usr/share/doc/*/copyright"}

func isAside(name string) bool {
	return slices.ContainsFunc(asides, func(rule string) bool { ok, _ := path.Match(rule, name); return ok })
}

// outside tells of a path that it lies in neither /usr nor /etc, and below which folder of the root.
func outside(name string) (where string, ok bool) {
	first, rest, _ := strings.Cut(name, "/")
	if first == "usr" || first == "etc" {
		return "", false
	}
	if rest == "" && strings.Contains(" boot dev home media mnt opt proc root run srv sys tmp var ", " "+first+" ") {
		return "", true // the folder itself
	}
	return first, true
}

var mergedRoots = []string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"}

func isMergedRoot(name string) bool {
	return slices.Contains(mergedRoots, strings.TrimPrefix(name, "usr/"))
}

// mergeUsr is where a path lies when /bin, /lib and their kin are links into /usr.
func mergeUsr(name string) string {
	if first, _, _ := strings.Cut(name, "/"); slices.Contains(mergedRoots, first) {
		return "usr/" + name
	}
	return name
}
