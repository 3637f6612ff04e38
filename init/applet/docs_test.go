package applet

import (
	"os"
	"strings"
	"testing"
)

func TestThePageOfCommandsListsThemAll(t *testing.T) {
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Names() {
		cmd := table[name]
		usage := ""
		if cmd.usage != "" {
			usage = "`" + strings.ReplaceAll(cmd.usage, "|", `\|`) + "`"
		}
		if row := "| `" + name + "` | " + usage + " | " + cmd.purpose + " |\n"; !strings.Contains(string(text), row) {
			t.Errorf("docs/commands.md lacks the row\n%s", row)
		}
	}
}
