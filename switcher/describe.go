package switcher

import (
	"slices"
	"strings"
)

// Description is all about one generation.
type Description struct {
	Listed
	Kernel  string   `json:"kernel,omitempty"`  // its version
	Layers  []string `json:"layers,omitempty"`  // with their versions, e.g. package libc6 2.36-9+deb12u10
	Fault   string   `json:"fault,omitempty"`   // why it cannot be read, or run now
	Before  int      `json:"before,omitempty"`  // the generation made before it that is still there
	Changes []string `json:"changes,omitempty"` // against that, key by key
	Running int      `json:"running"`           // what runs
	Against []string `json:"against,omitempty"` // what this one changes against that
}

// Describe tells all about a generation; 0 is the running one.
func (s *Switcher) Describe(number int) (Description, error) {
	all := s.Generations()
	current := slices.IndexFunc(all, func(l Listed) bool { return l.Current })
	i := current
	if number != 0 {
		i = slices.IndexFunc(all, func(l Listed) bool { return l.Number == number })
	}
	if i < 0 {
		return Description{}, noGeneration(number)
	}
	d := Description{Listed: all[i]}
	t, err := s.read(d.Entry)
	if err != nil {
		d.Fault = err.Error()
		return d, nil
	}
	d.Kernel = t.generation.KernelVersion()
	for _, l := range t.generation.Layers {
		d.Layers = append(d.Layers, strings.TrimSpace(spokenLayer(l.LayerName())+" "+l.Annotations[VersionAnnotation]))
	}
	if err := s.startable(t.generation, Now); err != nil {
		d.Fault = withCommand(err, VerbTest, d.Number).Error()
	}
	if current >= 0 {
		d.Running = all[current].Number
	}
	if i > 0 {
		d.Before = all[i-1].Number
		d.Changes = s.changes(d.Before, d.Number)
	}
	if d.Running != 0 && d.Running != d.Number && d.Running != d.Before {
		d.Against = s.changes(d.Running, d.Number)
	}
	return d, nil
}

// changes are those from one generation to another, in words.
func (s *Switcher) changes(from, to int) []string {
	all, err := s.Compare(from, to)
	if err != nil {
		return []string{"cannot be compared: " + err.Error()}
	}
	lines := make([]string, len(all))
	for i, change := range all {
		lines[i] = change.String()
	}
	return lines
}
