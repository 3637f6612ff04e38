package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

func TestEveryTopicIsItsPage(t *testing.T) {
	for _, topic := range Topics {
		page, err := os.ReadFile(topic.Name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		if topic.Text != string(page) || !strings.HasPrefix(topic.Text, "# ") {
			t.Errorf("%s is not its page", topic.Name)
		}
	}
}

func TestLinksLeadToPages(t *testing.T) {
	pages, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"../README.md"}
	for _, page := range pages {
		if strings.HasSuffix(page.Name(), ".md") {
			names = append(names, page.Name())
		}
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range link.FindAllStringSubmatch(string(text), -1) {
			path := to[1]
			if strings.Contains(path, "://") {
				continue
			}
			if name == "../README.md" {
				path = "../" + path
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: link to %s: %v", name, to[1], err)
			}
		}
	}
}
