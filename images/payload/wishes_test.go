package payload

import (
	"fmt"
	"strings"
	"testing"

	"bantam/images"
	"bantam/layer"
	"bantam/system"
)

const brokerPostinst = `#!/bin/sh
set -e
if [ "$1" = "configure" ]; then
	if ! getent passwd broker >/dev/null; then
		adduser --quiet --system --no-create-home --ingroup broker --home /var/lib/broker --shell /usr/sbin/nologin broker
	fi
	adduser broker dialout
fi
`

const brokerUnit = `[Unit]
Description=A broker
After=network.target

[Service]
Type=notify
# ExecStart=/usr/bin/other
ExecStart=/usr/sbin/broker \
  -c /etc/broker.conf $OPTIONS
ExecStartPre=/bin/mkdir -m 740 -p /run/broker
ExecStartPre=/bin/chown broker /run/broker

[Install]
WantedBy=multi-user.target
`

func TestWishesAreLinesToPaste(t *testing.T) {
	const install = "\n[Install]\nWantedBy=multi-user.target\n"
	unit := func(text string) map[string]string {
		return map[string]string{"usr/lib/systemd/system/d.service": "[Service]\n" + text + install}
	}
	for _, test := range []struct {
		name     string
		contents contents
		want     string
	}{
		{"a user that a script adds, a service, its folders",
			contents{Scripts: map[string]string{"postinst": brokerPostinst}, Aside: map[string]string{"usr/lib/systemd/system/broker.service": brokerUnit}, Folders: []string{"/var/lib/broker", "/var/lib/broker/db", "/var/log"}},
			`[user.broker]
uid = 101

[service.broker-folders]
command = ["sh", "-c", "mkdir -p /run/broker && chown broker /run/broker"]
user = "root"
ready = "exited"

[service.broker]
command = ["/usr/sbin/broker", "-c", "/etc/broker.conf"]
# systemd would add: $OPTIONS
user = "broker"
state = ["/var/lib/broker"]
needs = ["broker-folders"]
`},
		{"sysusers.d, with and without a number; a group is none", contents{Aside: map[string]string{"usr/lib/sysusers.d/x.conf": "# x\nu x - \"X Y\" /var/lib/x\nu! fixed 300:300\ng group -\nm x group\n"}},
			"[user.x]\nuid = 101\n\n[user.fixed]\nuid = 300\n"},
		{"tmpfiles.d", contents{Aside: map[string]string{"usr/lib/tmpfiles.d/d.conf": "d /var/run/d 0755 d d -\nd /var/spool/d 0700 d d\nf /run/d/file\nx /tmp/d\n",
			"usr/lib/systemd/system/d.service": "[Service]\nExecStart=/usr/bin/d\n" + install}},
			"[service.d-folders]\ncommand = [\"sh\", \"-c\", \"mkdir -p /run/d\"]\nuser = \"root\"\nready = \"exited\"\n\n[service.d]\ncommand = [\"/usr/bin/d\"]\nuser = \"root\" # its unit names no other\nstate = [\"/var/spool/d\"]\nneeds = [\"d-folders\"]\n"},
		{"folders that systemd makes", contents{Aside: unit("ExecStart=/usr/bin/d\nUser=daemon\nStateDirectory=d d/db\nCacheDirectory=d\n")},
			"[user.daemon]\nuid = 1\n\n[service.d]\ncommand = [\"/usr/bin/d\"]\nuser = \"daemon\"\nstate = [\"/var/cache/d\", \"/var/lib/d\"]\n"},
		{"quotes, variables and specifiers of the unit", contents{Aside: unit("Environment=A=\"x y\" 'B=z'\nExecStart=/bin/d -a ${A} \"-b $B\" --pid=%t/d.pid 100%% %i\n")},
			"[service.d]\ncommand = [\"/usr/bin/d\", \"-a\", \"x y\", \"-b z\", \"--pid=/run/d.pid\", \"100%\"]\n# systemd would add: %i\nuser = \"root\" # its unit names no other\n"},
		{"one that starts as root", contents{Aside: unit("ExecStart=!/usr/bin/d\nUser=d\nCapabilityBoundingSet=CAP_NET_RAW CAP_SYS_TIME\n")},
			"[service.d]\ncommand = [\"/usr/bin/d\"]\nuser = \"root\" # it becomes d by itself\ncapabilities = [\"net_raw\", \"sys_time\"]\n"},
		{"rights of a user", contents{Aside: unit("ExecStart=/usr/bin/d\nDynamicUser=yes\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_CHOWN\n")},
			"[user.d]\nuid = 101\n\n[service.d]\ncommand = [\"/usr/bin/d\"]\nuser = \"d\"\ncapabilities = [\"net_bind_service\"]\n"},
		{"no rights at all", contents{Aside: unit("ExecStart=/usr/bin/d\nCapabilityBoundingSet=\n")}, "[service.d]\ncommand = [\"/usr/bin/d\"]\nuser = \"root\" # its unit names no other\ncapabilities = []\n"},
		{"one that goes into the background", contents{Aside: unit("Type=forking\nExecStart=/usr/bin/d\n")},
			"[service.d]\ncommand = [\"/usr/bin/d\"]\n# it goes into the background, and a service stays: it needs the option that keeps it\nuser = \"root\" # its unit names no other\n"},
		{"one of which it is known how it stays", contents{Aside: unit("Type=forking\nEnvironment=DAEMON_CONF=/etc/hostapd/hostapd.conf\nExecStart=/usr/sbin/hostapd -B -P /run/hostapd.pid $DAEMON_OPTS ${DAEMON_CONF}\n")},
			"[service.d]\ncommand = [\"/usr/sbin/hostapd\", \"/etc/hostapd/hostapd.conf\"]\n# systemd would add: $DAEMON_OPTS\nuser = \"root\" # its unit names no other\n"},
		{"one that stays only when it is told so", contents{Aside: unit("Type=forking\nExecStart=/usr/sbin/nginx -g 'daemon on; master_process on;'\n")},
			"[service.d]\ncommand = [\"/usr/sbin/nginx\", \"-g\", \"daemon off;\"]\nuser = \"root\" # its unit names no other\n"},
		{"one that systemd lets stay, too", contents{Aside: unit("ExecStart=/usr/sbin/nginx -g 'daemon off;' -q\n")}, "[service.d]\ncommand = [\"/usr/sbin/nginx\", \"-g\", \"daemon off;\", \"-q\"]\nuser = \"root\" # its unit names no other\n"},
		{"names that would mean something to a shell", contents{Aside: unit("ExecStart=/usr/bin/d\nUser=d;reboot\nRuntimeDirectory=d;reboot e\nStateDirectory=`x`\n")},
			"[service.d-folders]\ncommand = [\"sh\", \"-c\", \"mkdir -p /run/e\"]\nuser = \"root\"\nready = \"exited\"\n\n[service.d]\ncommand = [\"/usr/bin/d\"]\nuser = \"root\" # its unit names no other\nneeds = [\"d-folders\"]\n"},
		{"one that listens where its package says", contents{Aside: unit("Type=notify\nUser=redis\nExecStart=/usr/bin/redis-server /etc/redis/redis.conf\nRuntimeDirectory=redis\n" +
			"ReadWritePaths=-/var/lib/redis /var/log/redis\nReadWritePaths=-/var/run/redis\nReadWriteDirectories=-/etc/redis /var/lib/%i\n")},
			"[user.redis]\nuid = 101\n\n[service.d-folders]\ncommand = [\"sh\", \"-c\", \"mkdir -p /run/redis && chown redis /run/redis\"]\nuser = \"root\"\nready = \"exited\"\n\n[service.d]\ncommand = [\"/usr/bin/redis-server\", \"/etc/redis/redis.conf\"]\nuser = \"redis\"\nstate = [\"/var/lib/redis\", \"/var/log/redis\"]\nneeds = [\"d-folders\"]\nready = \"tcp/6379\"\n"},
		{"a job whose effect is kept", contents{Aside: unit("Type=oneshot\nRemainAfterExit=yes\nExecStart=/usr/sbin/filter load /etc/filter.conf\n")},
			"[service.d]\ncommand = [\"/usr/sbin/filter\", \"load\", \"/etc/filter.conf\"]\nuser = \"root\" # its unit names no other\nready = \"exited\"\n"},
		{"a job that Debian leaves off", contents{Aside: unit("Type=oneshot\nRemainAfterExit=yes\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\n"),
			Scripts: map[string]string{"postinst": "if deb-systemd-helper debian-installed 'd.service'; then\n  true\nfi\n"}}, ""},
		{"a job of several commands", contents{Aside: unit("Type=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/a\nExecStart=/usr/bin/b\n")}, ""},
		{"jobs, instances and what others start are none", contents{Aside: map[string]string{
			"usr/lib/systemd/system/a.service":  "[Service]\nType=oneshot\nExecStart=/usr/bin/a\n" + install,
			"usr/lib/systemd/system/b@.service": "[Service]\nExecStart=/usr/bin/b %i\n" + install,
			"usr/lib/systemd/system/c.service":  "[Service]\nExecStart=/usr/bin/c\n"}}, ""},
		{"a user of Debian's own that a script gives something to", contents{Scripts: map[string]string{"postinst": "dir=/var/log/x\nif true; then chown -R www-data:adm \"$dir\"; fi\n"}}, "[user.www-data]\nuid = 33\n"},
		{"a name in a variable", contents{Scripts: map[string]string{"postinst": "NAME=\"daemon-x\"\n[ x ] || useradd -r -u 250 $NAME || true\n"}}, "[user.daemon-x]\nuid = 250\n"},
		{"a name that only the shell knows", contents{Scripts: map[string]string{"postinst": "adduser --system $(cat x)\nadduser \"$1\"\n"}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			sys := &system.System{Users: map[string]system.User{"other": {UID: 100, GID: 100}}}
			if got := test.contents.wishes().lines(sys); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// What is pasted is taken.
func TestPastedWishesAreNoFaults(t *testing.T) {
	c := contents{Scripts: map[string]string{"postinst": brokerPostinst}, Aside: map[string]string{"usr/lib/systemd/system/broker.service": brokerUnit}}
	lines := c.wishes().lines(&system.System{})
	sys, problems := system.Parse("system.toml", []byte(lines))
	if len(problems) > 0 {
		t.Fatalf("%v in\n%s", problems, lines)
	}
	if w := c.wishes().lacking(sys); !w.none() {
		t.Errorf("still it wants %s", w.names())
	}
}

func TestWishesThatAreFulfilled(t *testing.T) {
	c := contents{Scripts: map[string]string{"postinst": brokerPostinst}, Aside: map[string]string{"usr/lib/systemd/system/broker.service": brokerUnit}, Folders: []string{"/var/lib/broker", "/var/log/broker"}}
	for _, test := range []struct{ name, text, want string }{
		{"none", "", "[user.broker] and [service.broker]"},
		{"a service by another name", "[service.mqtt]\ncommand = [\"/usr/sbin/broker\"]\nstate = [\"/var/lib/mqtt\"]\n", "[user.broker]"},
		{"a service behind a shell", "[service.mqtt]\ncommand = [\"sh\", \"-c\", \"exec broker -v\"]\nstate = [\"/var/lib/mqtt\"]\n", "[user.broker]"},
		{"a service that keeps nothing", "[user.broker]\nuid = 7\n[service.mqtt]\ncommand = [\"/usr/sbin/broker\"]\n", "service.mqtt.state"},
		{"a user", "[user.broker]\nuid = 7\n", "[service.broker]"},
	} {
		sys, problems := system.Parse("system.toml", []byte(test.text))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := c.wishes().lacking(sys).names(); got != test.want {
			t.Errorf("%s: it wants %q, want %q", test.name, got, test.want)
		}
	}
}

func TestFoldersOfAServiceThatIsThere(t *testing.T) {
	w := wishes{States: []stateWish{{"mqtt", []string{"/var/lib/broker"}}}}
	if got, want := w.lines(&system.System{}), "# in [service.mqtt]\nstate = [\"/var/lib/broker\"]\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNotesOfScripts(t *testing.T) {
	for script, want := range map[string]string{
		"update-alternatives --install /bin/nc \\\n\tnc /bin/nc.openbsd 50 --slave /usr/share/man/man1/nc.1.gz y z":                     "its script would make /bin/nc an alternative that leads to /bin/nc.openbsd: use that path",
		"if dpkg-divert --package x --add --rename --divert /usr/bin/a.real /usr/bin/a; then":                                           "its script would divert another package's /usr/bin/a: not done, so both are not carried together",
		"P=/usr/bin/ping\nif setcap cap_net_raw+ep $P; then":                                                                            "its script would give /usr/bin/ping the capabilities cap_net_raw+ep: a service gets them by capabilities",
		"setcap 'cap_net_raw=eip' \"$1\"":                                                                                               "its script would give a program the capabilities cap_net_raw=eip: a service gets them by capabilities",
		"ucf --three-way /usr/share/x.conf /etc/x.conf":                                                                                 "its script would make /etc/x.conf of /usr/share/x.conf: write that as a [file]",
		"ucf --sum-file /usr/share/x.md5 \"$new\" /etc/x.conf":                                                                          "its script would make /etc/x.conf: write that as a [file]",
		"for i in nc netcat; do\nupdate-alternatives --install /bin/$i $i /bin/${i}.x 5\ndone":                                          "its script would make /bin/nc an alternative that leads to /bin/nc.x: use that path\nits script would make /bin/netcat an alternative that leads to /bin/netcat.x: use that path",
		"for i in $(list); do update-alternatives --install /usr/bin/$i $i /usr/bin/$i.x 5; done":                                       "its script would make alternatives, by names that only a shell finds out: call its programs by their paths",
		"for f in /usr/share/x/*; do ucf $f /etc/x/$(basename $f); done":                                                                "",
		"ucf /usr/share/$x /etc/x.conf":                                                                                                 "its script would make /etc/x.conf: write that as a [file]",
		"[ -e /etc/x/on ] || ln -sf /etc/x/all/one /etc/x/on":                                                                           "its script would make /etc/x/on a link to /etc/x/all/one: a [file] or a line of configuration has to say the same",
		"U=redis\nG=\"$U\"\ndpkg-statoverride --update --add ${U} ${G} 640 /etc/redis/redis.conf":                                       "its script would give /etc/redis/redis.conf to redis, with mode 640: write that as a [file] with owner and mode",
		"dpkg-statoverride --add root adm 2755 /etc/x; dpkg-statoverride --list /etc/redis; dpkg-statoverride --add x x 700 /var/lib/x": "",
		"ln -s $dir/one /etc/x/on; ln -s ../one /etc/x/on; ln -s /usr/a /usr/b":                                                         "",
		"update-alternatives --install /usr/share/man/man7/b.7.gz b /usr/share/man/man7/bash.7.gz 10":                                   "",
		"# update-alternatives --install /a b /c 1":                                                                                     "",
		"command -v setcap > /dev/null":                                                                                                 "",
		"update-alternatives --remove nc /bin/nc.openbsd":                                                                               "",
	} {
		c := contents{Scripts: map[string]string{"postinst": "#!/bin/sh\n" + script + "\n"}}
		if got := strings.Join(c.scriptNotes(&system.System{}), "\n"); got != want {
			t.Errorf("%q\n got  %q\n want %q", script, got, want)
		}
	}
}

func TestWhatSomebodyHasConfiguredIsNoNote(t *testing.T) {
	c := contents{Scripts: map[string]string{"postinst": "ucf /usr/share/x.conf /etc/x/x.conf\nln -s /etc/web/all/default /etc/web/on/default\n"}}
	for file, want := range map[string]int{"": 2, "/etc/x/x.conf": 1, "/etc/x/y.conf": 2, "/etc/web/web.conf": 1, "/etc/web": 2, "/etc/webx/a": 2, "/etc/y.conf": 2} {
		if notes := c.scriptNotes(&system.System{Files: map[string]system.File{file: {}}}); len(notes) != want {
			t.Errorf("with %s: %q", file, notes)
		}
	}
}

func TestNotesOfInterpreters(t *testing.T) {
	script := func(name, interpreter string) File {
		f := file("usr/bin/"+name, 0o755, "")
		f.Interpreter = interpreter
		return f
	}
	p := carried{Record: images.Record{Package: "x"}, contents: &contents{Tree: []File{script("a", "/bin/sh"), script("b", "/usr/bin/awk"), script("c", "/bin/bash"),
		script("d", "/usr/bin/perl"), script("e", "/usr/bin/perl"), script("f", "/usr/bin/perl"), script("g", "/usr/bin/perl")}}}
	tree := layer.Tree{{{Path: "usr/bin/bash", Kind: layer.RegularFile}}}
	want := "package x: d, e, f and 1 more need /usr/bin/perl, which no package brings: they do not run"
	if got := strings.Join(p.interpreterNotes(tree), "\n"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		`a  b	c`:          `["a" "b" "c"]`,
		`-g 'daemon on;'`: `["-g" "daemon on;"]`,
		`"a b"c '' \ d`:   `["a bc" "" " d"]`,
		`'\' "\""`:        `["\\" "\""]`,
		"":                `[]`,
	} {
		if got := fmt.Sprintf("%q", splitWords(text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// Whatever a package says, what is to be pasted is TOML, and harmless for a terminal.
func FuzzWishes(f *testing.F) {
	f.Add("d", brokerUnit, brokerPostinst, "u x 1\n", "d /run/x 0755 x x\n")
	f.Add("a\"\n[b", "[Service]\nExecStart=\"\x1b[31m' %i $A\n[Install]\nWantedBy=x\n", "adduser 'x\n'\n", "u \x00\n", "d /var/\xff 1\n")
	f.Fuzz(func(t *testing.T, name, unit, postinst, sysusers, tmpfiles string) {
		c := contents{Scripts: map[string]string{"postinst": postinst}, Aside: map[string]string{
			"usr/lib/systemd/system/" + strings.ReplaceAll(name, "/", "") + ".service": unit, "usr/lib/sysusers.d/x.conf": sysusers, "usr/lib/tmpfiles.d/x.conf": tmpfiles}}
		lines := c.wishes().lines(&system.System{})
		_, problems := system.Parse("system.toml", []byte(lines))
		for _, p := range problems {
			if strings.Contains(p.Message, "TOML") || strings.Contains(p.Message, "unknown key") {
				t.Errorf("%v in\n%s", p, lines)
			}
		}
		if strings.ContainsFunc(lines, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }) {
			t.Errorf("it has control characters: %q", lines)
		}
		c.scriptNotes(&system.System{})
	})
}
