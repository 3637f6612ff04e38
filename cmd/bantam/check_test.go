package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/system"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad, worse := file("good.toml", "hostname = \"x\"\n"), file("bad.toml", "\nhostnam = \"x\"\n"), file("worse.toml", "hostname = 1\nmodule = []\n")

	bantam("", "check", good).expect(t, exitOK, good+": no faults\n", "")
	bantam("", "check", bad).expect(t, exitFault, bad+":2:1: ", "")
	bantam("", "check", bad).expect(t, exitFault, `did you mean "hostname"?`, "")
	r := bantam("", "check", good, bad, worse)
	r.expect(t, exitFault, worse+":2:1: ", "")
	if n := strings.Count(r.out, "\n"); n != 4 {
		t.Errorf("%d lines for 3 problems and a good file:\n%s", n, r.out)
	}
	bantam("", "check", "/nonexistent.toml").expect(t, exitFault, "", "open /nonexistent.toml")
	bantam("", "check", "/nonexistent.toml", bad).expect(t, exitFault, bad+":2:1: ", "open /nonexistent.toml")
	bantam("hostname = 1\n", "check", "-").expect(t, exitFault, "-:1:12: ", "")
	bantam("", "check", "-").expect(t, exitOK, "-: no faults\n", "") // the empty file is a machine

	r = bantam("", "check", "--json", bad)
	var problems []system.Problem
	if err := json.Unmarshal([]byte(r.out), &problems); err != nil || len(problems) != 1 || problems[0].Line != 2 || r.code != exitFault {
		t.Errorf("exit status %d, %v: %s", r.code, err, r.out)
	}
	bantam("", "check", good, "--json").expect(t, exitOK, "[]\n", "")
}

func TestExamplesHaveNoFaults(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/system.toml")
	if err != nil || len(files) < 3 {
		t.Fatalf("examples %q, %v", files, err)
	}
	for _, file := range files {
		bantam("", "check", file, "--cache", t.TempDir()).expect(t, exitOK, file+": no faults\n", "")
	}
}

func TestCheckExplainsTheFirewall(t *testing.T) {
	const ports = "[net.eth0]\nzone = \"wan\"\n[net.eth1]\naddresses = [\"192.168.1.1/24\"]\nzone = \"lan\"\n"
	bantam(ports, "check", "--explain", "-").expect(t, exitOK, "lan (eth1, ours):\n  may open connections to lan and wan\n  may use all of this machine\nwan (eth0, strangers):\n  may open no connections to lan\n", "")
	bantam("[net.eth0]\n", "check", "--explain", "-").expect(t, exitOK, "there is no firewall", "")
	bantam("[net.lan]\nbridge = { ports = [\"eth0\", \"eth1\"] }\n", "check", "--explain", "-").expect(t, exitOK, "What the bridge lan carries from port to port passes all the same.", "")
	bantam(ports, "check", "--explain", "--json", "-").expect(t, exitUsage, "", "one of them")
	bantam(ports+"[net.eth2]\nzone = \"guest\"\n", "check", "--explain", "-").expect(t, exitFault, `there is no zone "guest"`, "")
}
