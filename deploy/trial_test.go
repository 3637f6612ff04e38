package deploy

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/deploy/deploytest"
	"bantam/switcher"
)

func quickly(t *testing.T) {
	g, p := grace, pause
	grace, pause = time.Millisecond, 10*time.Millisecond
	t.Cleanup(func() { grace, pause = g, p })
}

// met is a machine that was logged in on.
func met(t *testing.T) *Machine {
	t.Helper()
	m, err := Meet(t.Context(), Client{Stderr: io.Discard}, "root@gate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// Shell functions of machines that differ from the one that deploytest plays.
const (
	// none can log in once it has switched, and it goes back.
	shut = `login() { if [ -e switched ] && [ ! -e back ]; then echo 'ssh: connect to host gate port 22: Connection refused' >&2; exit 255; fi; }
status() { machine ',"generation":1,"state":"good"'; }
switch() { touch switched; event 'proven; waiting' ',"confirm":10000000'; sleep 0.5; touch back; result 10 'nobody confirmed it within 1m0s'; exit 10; }
`
	// the switch cuts its own connection off.
	cut = `switch() { touch switched; event 'set hostname gate'; exit 255; }
`
	// it reboots, and is away for some calls.
	reboots = `switch() { echo "$command" | grep -q -e --reboot || exit 3; touch switched; event 'boot slot B holds kernel 6.2'; result 0; }
login() { [ -e switched ] || return 0; echo x >> logins; [ $(wc -l < logins) -gt 3 ] || { echo 'ssh: connect to host gate: No route to host' >&2; exit 255; }; }
machine() { began=5; [ ! -e switched ] || began=6; echo "{\"hostname\":\"gate\",\"board\":\"pc\",\"default\":1,\"began\":$began$1}"; }
`
)

func TestATrialEnds(t *testing.T) {
	quickly(t)
	for _, c := range []struct {
		claim   string
		changes string
		then    string
		kernel  string
		exit    int
		reason  string // "": none
		said    []string
	}{
		{"proven", "", "", "", 0, "", []string{"1/1 set hostname gate", "proven; waiting", "logged in again: confirming"}},
		{"proven, somewhere else", "", "root@elsewhere", "", 0, "", []string{"logged in again: confirming"}},
		{"refused by an event", "switch() { result 1 'a check of system.toml'; exit 1; }", "", "", switcher.ExitRefused, "a check of system.toml", nil},
		{"refused without one", "switch() { echo 'bantam switch: no generation 2' >&2; exit 1; }", "", "", switcher.ExitRefused, "no generation 2", nil},
		{"it did not prove itself", "switch() { event 'service web: exit status 1'; result 10 'service web: exit status 1'; exit 10; }", "", "", switcher.ExitReverted, "service web: exit status 1", []string{"service web"}},
		{"it failed, and is not back", "switch() { result 4 'service web; and on the way back'; exit 4; }", "", "", switcher.ExitFailed, "and on the way back", nil},
		{"nobody can log in any more", shut, "", "", switcher.ExitReverted, "nobody confirmed it within 1m0s; ssh to root@gate: ssh: connect to host gate port 22: Connection refused", nil},
		{"it can be reached where it was, and not where it was said to be", "login() { case $host in root@gate) ;; *) echo 'ssh: no such host' >&2; exit 255; esac; }\nswitch() { touch switched; event w ',\"confirm\":1'; sleep 0.5; result 10 unconfirmed; exit 10; }",
			"root@elsewhere", "", switcher.ExitReverted, "unconfirmed; ssh to root@elsewhere: ssh: no such host", nil},
		{"the connection is cut off, and it waits", cut, "", "", 0, "", []string{"set hostname gate", "logged in again: confirming"}},
		{"the connection is cut off, and it went back", cut + "status() { machine ',\"generation\":1,\"state\":\"good\"'; }", "", "", switcher.ExitReverted, "nobody confirmed it within 1m0s", nil},
		{"the connection is cut off before it has heard anything", "switch() { exit 255; }\ngenerations() { echo '[{\"number\":2,\"state\":\"untried\"}]'; }", "", "", switcher.ExitReverted, "the connection broke before the switch began", nil},
		{"it reboots and comes back", reboots, "", "another kernel", 0, "", []string{"boot slot B holds kernel 6.2", "waiting for it to come back", "logged in again: confirming"}},
		{"it reboots and went back", reboots + "status() { machine ',\"generation\":1,\"state\":\"good\"'; }", "", "another kernel", switcher.ExitReverted, "nobody confirmed it within 1m0s", []string{"waiting for it to come back"}},
		{"it reboots before it has said so", strings.Replace(reboots, "result 0;", "exit 255;", 1), "", "another kernel", 0, "", []string{"waiting for it to come back", "logged in again: confirming"}},
		{"another kernel does not fit", "switch() { result 1 'boot slot B is too small'; exit 1; }", "", "another kernel", switcher.ExitRefused, "boot slot B is too small", nil},
		{"a machine that commands terminals", "switch() { event '\\\\u001b[2Jgone'; result 10 '\\\\u001b[2J'; exit 10; }", "", "", switcher.ExitReverted, `\x1b[2J`, []string{`\x1b[2Jgone`}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			played := deploytest.Play(t, c.changes)
			m := met(t)
			var said []string
			trial := &Trial{Machine: m, Pushed: Pushed{Number: 2, Kernel: c.kernel}, Then: c.then, Confirm: time.Minute, Proof: time.Second, Say: func(line string) { said = append(said, line) }}
			o := trial.Run(t.Context())
			if o.Exit != c.exit || !strings.Contains(o.Reason, c.reason) || c.reason == "" && o.Reason != "" {
				t.Errorf("%d, %q", o.Exit, o.Reason)
			}
			for _, want := range c.said {
				if !slices.ContainsFunc(said, func(line string) bool { return strings.Contains(line, want) }) {
					t.Errorf("no %q in %q", want, said)
				}
			}
			log := played.Log()
			if c.exit == 0 && (!slices.Contains(log, "bantam confirm") || log[slices.Index(log, "bantam confirm")-1] != "bantam status --json") {
				t.Errorf("not confirmed: %q", log)
			}
			if c.then != "" && c.exit == 0 && !slices.Contains(log, "login "+c.then) {
				t.Errorf("%q", log)
			}
			if c.exit != 0 && slices.Contains(log, "bantam confirm") {
				t.Errorf("it was confirmed: %q", log)
			}
		})
	}
}

func TestWhoeverInterruptsSendsTheMachineBack(t *testing.T) {
	quickly(t)
	waiting := "switch() { touch switched; until_there never; }\nstatus() { machine ',\"generation\":1,\"busy\":\"switch\"'; }\n"
	for _, c := range []struct {
		claim   string
		changes string
		exit    int
		reason  string
	}{
		{"it goes back", waiting, switcher.ExitReverted, "interrupted"},
		{"it is too late", waiting + "abort() { touch aborted; echo 'bantam switch: it is proven' >&2; exit 1; }\nstatus() { if [ -e aborted ]; then machine ',\"generation\":2,\"state\":\"good\",\"default\":2'; else machine ',\"generation\":1,\"busy\":\"switch\"'; fi; }", 0, ""},
		{"it cannot be told", waiting + "abort() { exit 255; }", switcher.ExitFailed, "the connection broke). Unless somebody says `bantam confirm` there it does so by itself, 1m0s after its proof"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			played := deploytest.Play(t, c.changes)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			trial := &Trial{Machine: met(t), Pushed: Pushed{Number: 2}, Confirm: time.Minute, Say: func(string) {}}
			go func() {
				for !slices.ContainsFunc(played.Log(), func(line string) bool { return strings.HasPrefix(line, "bantam switch --json") }) {
					time.Sleep(time.Millisecond)
				}
				interrupt()
			}()
			if o := trial.Run(ctx); o.Exit != c.exit || !strings.Contains(o.Reason, c.reason) || c.reason == "" && o.Reason != "" {
				t.Errorf("%d, %q", o.Exit, o.Reason)
			}
		})
	}
}

func TestAMachineThatIsHeardOfNoMore(t *testing.T) {
	quickly(t)
	deploytest.Play(t, cut+"login() { [ ! -e met ] || exit 255; touch met; }")
	trial := &Trial{Machine: met(t), Pushed: Pushed{Number: 2}, Confirm: -margin, Say: func(string) {}}
	if o := trial.Run(t.Context()); o.Exit != switcher.ExitFailed || !strings.Contains(o.Reason, "nothing was heard of it (ssh cannot log in on root@gate). Nobody has confirmed") {
		t.Errorf("%d, %q", o.Exit, o.Reason)
	}
}

func TestWhomOneCannotMeet(t *testing.T) {
	for _, c := range []struct{ claim, changes, want string }{
		{"nobody there", "login() { echo 'ssh: connect to host gate port 22: Connection refused' >&2; exit 255; }", "ssh cannot log in on root@gate: nothing listens there"},
		{"not let in", "login() { echo 'root@gate: Permission denied (publickey).' >&2; exit 255; }", "ssh cannot log in on root@gate: that user's [user.NAME] authorized_keys"},
		{"another host key", "login() { echo '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @' >&2; echo 'Host key verification failed.' >&2; exit 255; }", "installed anew, `ssh-keygen -R`"},
		{"an unknown host key", "login() { echo 'Host key verification failed.' >&2; exit 255; }", "by logging in with ssh once"},
		{"something else", "login() { echo 'ssh: it rains' >&2; exit 255; }", "ssh cannot log in on root@gate"},
		{"OpenWrt", "status() { echo 'ash: bantam: not found' >&2; exit 127; }", "root@gate is no machine that runs Bantam: there is no `bantam status` on it"},
		{"another bantam", "status() { echo cluck; }", "root@gate is no machine that runs Bantam: its answer to `bantam status --json` is not understood"},
		{"JSON of another", "status() { echo '{}'; }", "names no board"},
		{"endless", "status() { yes '                                                                           '; }", "answers with too much"},
		{"a rescue console", "status() { echo 'bantam status: PID 1 does not answer' >&2; exit 1; }", "root@gate: it says: PID 1 does not answer"},
		{"neither root nor operator", "user() { echo ada; }\nshow() { echo 'bantam show: user 1000 may not do this' >&2; exit 1; }", "root@gate, as ada: it says: user 1000 may not do this"},
		{"the line breaks", "status() { exit 255; }", "root@gate: the connection broke"},
	} {
		deploytest.Play(t, c.changes)
		_, err := Meet(t.Context(), Client{Stderr: io.Discard}, "root@gate")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.claim, err, c.want)
		}
	}
	deploytest.Play(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Meet(ctx, Client{Stderr: io.Discard}, "root@gate"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestWhatSshIsCalledWith(t *testing.T) {
	played := deploytest.Play(t, "login() { cp arguments login_arguments; }\necho \"$*\" > arguments")
	m, err := Meet(t.Context(), Client{Options: []string{"-p", "2222"}, Stderr: io.Discard}, "root@gate")
	if err != nil {
		t.Fatal(err)
	}
	dir := m.dir
	m.Close()
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder of the connection is still there")
	}
	text, err := os.ReadFile(played.Path("login_arguments"))
	if arguments := string(text); err != nil || !strings.HasPrefix(arguments, "-p 2222 -S "+dir) || !strings.HasSuffix(arguments, " -M -N -f -- root@gate\n") {
		t.Errorf("%q, %v", arguments, err)
	}
	if log := played.Log(); !slices.Equal(log, []string{"login root@gate", "bantam status --json", "id -un", "bantam show", "logout"}) {
		t.Errorf("%q", log)
	}
}
