package switcher

import (
	"strings"
	"testing"
)

const annaHash = `password = "$y$j9T$abcdefgh$UGYCVcUwcoG0k8SZZ.Uz3i0RYQNy1YmYj4I4poBPer2"` + "\n"

func TestPeopleTheirGroupsAndHomesComeChangeAndGo(t *testing.T) {
	const anna = "[user.anna]\nuid = 1000\n" + annaHash
	for _, c := range []struct{ name, text, want string }{
		{"nothing", anna, "nothing to do on the running machine\n"},
		{"a group", anna + "groups = [\"operator\", \"extra\"]\n[group.extra]\ngid = 2000\n", `  set user anna  user.anna.groups: (not set) -> ["operator", "extra"]
  set group extra  group.extra.gid: (not set) -> 2000
`},
		{"another home", anna + "home = \"/srv/anna\"\n", `  set user anna  user.anna.home: "/home/anna" -> "/srv/anna"
  make home /srv/anna  user.anna.home: "/home/anna" -> "/srv/anna"
`},
		{"a home that lasts", anna + "home_in = \"state\"\n", "  mount state /home/anna  user.anna.home_in: \"memory\" -> \"state\"\n"},
		{"somebody else", "[user.ben]\nuid = 1001\nhome = \"/home/anna\"\n" + annaHash, `  remove user anna  user.anna.uid: 1000 -> (not set); user.anna.password: "$y$j9T$..." -> (not set)
  set user ben  user.ben.uid: (not set) -> 1001; user.ben.home: (not set) -> "/home/anna"; user.ben.password: (not set) -> "$y$j9T$..."
  give home /home/anna to ben  user.ben.uid: (not set) -> 1001; user.ben.home: (not set) -> "/home/anna"; user.ben.password: (not set) -> "$y$j9T$..."
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, m, _ := bootedMachine(t)
			wantExit(t, switchTo(t, s, VerbSwitch, anna), ExitGood)
			before := m.seen()
			p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(c.text)})
			if err != nil || len(p.Problems) > 0 || spaced(p.Plan.String()) != spaced(c.want) {
				t.Errorf("%v %q\ngot\n%swant\n%s", err, p.Problems, p.Plan, c.want)
			}
			wantExit(t, switchTo(t, s, VerbSwitch, c.text), ExitGood)
			if p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(c.text)}); err != nil || len(p.Plan.Steps) > 0 {
				t.Errorf("a second time: %v\n%s", err, p.Plan)
			}
			wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
			if m.seen() != before && c.name != "nothing" {
				t.Errorf("before\n%s\nthere and back again\n%s", before, m.seen())
			}
		})
	}
}

func TestFilesOfANumberThatGoesAreTold(t *testing.T) {
	s, _, _ := bootedMachine(t)
	const host = "hostname = \"web\"\n"
	wantExit(t, switchTo(t, s, VerbSwitch, host+"[user.anna]\nuid = 1000\nhome_in = \"state\"\n"), ExitGood)
	p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(host)})
	const want = "what is in /home/anna, files of uid 1000, stays on the state volume; `bantam state remove /home/anna` removes it"
	if err != nil || !strings.Contains(p.Plan.String(), want) {
		t.Errorf("%v\n%swant %s", err, p.Plan, want)
	}
}

func TestWhatIsInTheWayOfAHomeIsToldBeforeTheFirstStep(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.ways["/home/anna"] = " a file"
	r := switchTo(t, s, VerbSwitch, "[user.anna]\nuid = 1000\n"+annaHash)
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Reason, "home /home/anna: this machine has a file there") {
		t.Error(r.Reason)
	}
}
