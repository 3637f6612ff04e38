package editor

import (
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"bantam/editor/keys"
)

// askPath asks for the name of a file, which Tab completes. A path that is not
// absolute begins beside the text.
func (m *model) askPath(question string, then func(path string)) {
	d := m.text()
	whole := func(path string) string {
		if filepath.IsAbs(path) || d.file == nil {
			return path
		}
		return filepath.Join(filepath.Dir(d.file.Path), path)
	}
	p := m.ask(question, nil, func(path string) {
		if path != "" {
			then(whole(path))
		}
	})
	p.keys = "Tab Complete "
	p.special = func(k keys.Key) bool {
		p.hint = ""
		if k.Code != keys.Tab {
			return false
		}
		dir, begun := filepath.Split(string(p.answer))
		begun, names := completeName(begun, namesIn(whole(dir+".")))
		p.answer = []byte(dir + begun)
		switch {
		case len(names) > 1:
			p.hint = strings.Join(names, " ")
		case len(names) == 0:
			p.hint = "No such file"
		}
		return true
	}
}

// completeName makes a name longer by what all names that begin with it have in
// common, and returns those. Names with a leading dot are only meant when asked for.
func completeName(begun string, all []string) (string, []string) {
	var names []string
	common := ""
	for _, name := range all {
		if !strings.HasPrefix(name, begun) || begun == "" && name[0] == '.' {
			continue
		}
		if names = append(names, name); len(names) == 1 {
			common = name
		}
		for !strings.HasPrefix(name, common) {
			_, n := utf8.DecodeLastRuneInString(common)
			common = common[:len(common)-n]
		}
	}
	if names == nil {
		return begun, nil
	}
	return common, names
}

// namesIn is what is in a folder, folders with a slash behind.
func namesIn(dir string) []string {
	entries, _ := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
		if st, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && st.IsDir() {
			names[i] += "/"
		}
	}
	return names
}
