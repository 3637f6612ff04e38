package applet

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// endOfOptions has a command line for every command. Its -- ends the options:
// without it the command must do the same. A line that begins with ~ prints what
// differs from one moment to the next, so that only its status is compared; one
// that begins with = belongs to a command for which -- is an argument.
var endOfOptions = map[string]string{
	"[":          "=[ -- = -- ]",
	"awk":        "-F : -- {print$1} colon",
	"base64":     "-w 0 -- fruit",
	"basename":   "-- /a/fruit",
	"cat":        "-n -- fruit",
	"chgrp":      "-- root fruit",
	"chmod":      "-- 600 fruit",
	"chown":      "-- root fruit",
	"clear":      "--",
	"cmp":        "-s -- fruit numbers",
	"comm":       "-1 -- empty fruit",
	"cp":         "-p -- fruit copy",
	"cut":        "-d : -f 1 -- colon",
	"date":       "-u -d 2020-01-01 -- +%Y",
	"dd":         "-- if=fruit of=copy status=none",
	"df":         "~-k -- .",
	"diff":       "-q -- fruit numbers",
	"dirname":    "-- /a/b",
	"dmesg":      "~-r --",
	"du":         "~-s -- dir",
	"echo":       "=echo -- a",
	"egrep":      "-n -- ap+ fruit",
	"env":        "-i -- A=1",
	"expr":       "-- 1 + 2",
	"false":      "--",
	"fgrep":      "-n -- app fruit",
	"find":       "-- dir -name inner",
	"fold":       "-w 3 -- fruit",
	"free":       "~-k --",
	"grep":       "-n -- app fruit",
	"gunzip":     "-c -- fruit",
	"gzip":       "-k -- fruit",
	"hd":         "-n 4 -- bin",
	"head":       "-n 1 -- fruit",
	"hexdump":    "-C -- bin",
	"hostname":   "--",
	"hwclock":    "~-r -f /nonexistent --",
	"id":         "-u -- root",
	"ip":         "~-- link show lo",
	"kill":       "-0 -- 1",
	"killall":    "-q -- nosuchprocess",
	"ln":         "-s -- fruit other",
	"logger":     "-t me --",
	"ls":         "-1 -- dir",
	"lsblk":      "~--",
	"lsmod":      "~--",
	"md5sum":     "-b -- fruit",
	"mkdir":      "-p -- new/folder",
	"mktemp":     "~-p . -- x.XXXXXX",
	"modprobe":   "-q -- nosuchmodule",
	"more":       "-- fruit",
	"mount":      "-t nosuchtype -- fruit nosuchfolder",
	"mv":         "-f -- fruit other",
	"nc":         "-z -w 1 -- 127.0.0.1 1",
	"netstat":    "~-l --",
	"nl":         "-b a -- fruit",
	"nohup":      "-- nosuchcommand",
	"nproc":      "--",
	"nslookup":   "-- 127.0.0.1 127.0.0.1 extra",
	"od":         "-c -- bin",
	"paste":      "-s -- fruit",
	"patch":      "--dry-run -- fruit empty",
	"pgrep":      "-x -- nosuchprocess",
	"ping":       "~-c 1 -W 1 -- 127.0.0.1",
	"pkill":      "-x -- nosuchprocess",
	"printenv":   "-- TZ",
	"printf":     "-- -%s\\n a",
	"ps":         "~-e --",
	"readlink":   "-- link",
	"realpath":   "-e -- /proc/self/..",
	"reset":      "--",
	"resize":     "--",
	"rev":        "-- fruit",
	"rm":         "-f -- fruit",
	"rmdir":      "-- dir",
	"rmmod":      "-- nosuchmodule",
	"scp":        "-f -- nothing",
	"sed":        "-n -- 1p fruit",
	"seq":        "-w -- -1 2",
	"sha1sum":    "-b -- fruit",
	"sha256sum":  "-b -- fruit",
	"sha512sum":  "-b -- fruit",
	"sleep":      "-- 0",
	"sort":       "-n -- numbers",
	"ss":         "~-l --",
	"stat":       "-c %s -- fruit",
	"stty":       "-F /dev/null -- sane",
	"sync":       "-- fruit",
	"sysctl":     "-n -- kernel.ostype",
	"tac":        "-- fruit",
	"tail":       "-n 1 -- fruit",
	"tar":        "-c -f /dev/null -v -- fruit",
	"tcpdump":    "-r nosuchfile -- tcp",
	"tee":        "-a -- copy",
	"test":       "=test -- = --",
	"timeout":    "-s INT -- 5 nosuchcommand",
	"top":        "~-b -n 1 --",
	"touch":      "-c -- nosuchfile",
	"tr":         "-d -- a",
	"traceroute": "~-n -m 1 -q 1 -w 1 -- 127.0.0.1",
	"true":       "--",
	"truncate":   "-s 3 -- fruit",
	"umount":     "-l -- nosuchfolder",
	"uname":      "-s --",
	"uniq":       "-c -- fruit",
	"unxz":       "-c -- fruit",
	"unzstd":     "-c -- fruit",
	"uptime":     "~--",
	"watch":      "-n 1 --",
	"wc":         "-l -- fruit",
	"wget":       "-q -- http://127.0.0.1:1/",
	"which":      "-- nosuchcommand",
	"whoami":     "--",
	"xargs":      "-n 1 -- nosuchcommand",
	"xz":         "-t -- fruit",
	"xzcat":      "-- fruit",
	"yes":        "-- a",
	"zcat":       "-- fruit",
	"zstd":       "-t -- fruit",
	"zstdcat":    "-- fruit",
}

func TestTwoDashesEndTheOptionsOfEveryCommand(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Names() {
		line, ok := endOfOptions[name]
		if !ok {
			t.Errorf("%s has no line in endOfOptions: say what -- does there", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			if argument, ok := strings.CutPrefix(line, "="); ok {
				if code, _ := Run(name, strings.Fields(argument)[1:], OS()); code != 0 {
					t.Errorf("%s: status %d", argument, code)
				}
				return
			}
			line, differs := strings.CutPrefix(line, "~")
			run := func(args []string) caseResult {
				cmd := exec.Command(self, args...)
				cmd.Env = append(os.Environ(), "APPLET_TEST_RUN="+name)
				if name == "yes" {
					return caseResult{out: firstLine(t, cmd)}
				}
				return runCase(t, cmd, "")
			}
			args := strings.Fields(line)
			var without []string
			for i, arg := range args {
				if arg == "--" {
					without = append(append(without, args[:i]...), args[i+1:]...)
					break
				}
			}
			if name == "seq" || name == "printf" {
				without = args // what follows looks like an option
			}
			got, want := run(args), run(without)
			if differs {
				got.out, got.err, got.files, want.out, want.err, want.files = "", "", "", "", "", ""
			}
			if got != want {
				t.Errorf("%s %s: got\n%+v\nwant\n%+v", name, line, got, want)
			}
			if strings.Contains(got.err, "--") {
				t.Errorf("%s %s complains: %s", name, line, got.err)
			}
		})
	}
}

func firstLine(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	out.Close()
	cmd.Wait()
	return line
}
