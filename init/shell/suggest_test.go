package shell

import "testing"

func TestSuggestionsForUnknownCommands(t *testing.T) {
	for name, want := range map[string]string{
		"grpe": "; did you mean grep?", "sl": "; did you mean ls?", "unmae": "; did you mean uname?",
		"modprob": "; did you mean modprobe?", "batnam": "; did you mean bantam?", "pwoeroff": "; did you mean poweroff?",
		"htop": "; use top", "vi": "; use edit", "nano": "; use edit", "ifconfig": "; use ip", "logread": "; use bantam log",
		"journalctl": "; use bantam log", "systemctl": "; use bantam service", "shutdown": "; use poweroff",
		"apt": "; there are no packages yet",
		// A wrong suggestion is worse than none.
		"tar": "", "sudo": "", "su": "", "x": "", "": "", "git": "", "route": "", "perl": "", "zzzzzzzz": "",
	} {
		if got := suggestion(name); got != want {
			t.Errorf("suggestion(%q) = %q, want %q", name, got, want)
		}
	}
}
