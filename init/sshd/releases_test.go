package sshd

import (
	"os/exec"
	"strings"
	"testing"

	"bantam/test/release"
)

// The client of each release of Debian, with the libraries of that release.
func TestOpenSSHOfOtherReleases(t *testing.T) {
	for name, version := range map[string]string{"bullseye": "OpenSSH_8.4", "trixie": "OpenSSH_10.0"} {
		t.Run(name, func(t *testing.T) {
			client := release.Fetch(t, name, "openssh-client", "usr/bin/ssh").Command
			h := newHost(t, nil)
			ssh := func(args ...string) *exec.Cmd {
				cmd := h.ssh(append([]string{"127.0.0.1"}, args...)...)
				cmd.Args = append(client[:len(client):len(client)], cmd.Args[1:]...)
				cmd.Path = client[0]
				return cmd
			}
			if _, said, _ := out(t, ssh("-V"), nil); !strings.Contains(said, version) {
				t.Errorf("it calls itself %q, want %s", said, version)
			}
			meet(t, ssh)
		})
	}
}
