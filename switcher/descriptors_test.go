package switcher

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAListOfDescriptorsHasABound(t *testing.T) {
	element := `{"mediaType":"a,\"]}\\","annotations":{"b":"c","d":"[{,"}}`
	list := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]" }
	for _, c := range []struct {
		claim, text string
		n           int
		fault       string
	}{
		{"none", "[]", 0, ""},
		{"null", "null", 0, ""},
		{"as many as there may be", list(maxDescriptors), maxDescriptors, ""},
		{"one more", list(maxDescriptors + 1), 0, "more than 20000"},
		{"a million that are none", "[" + strings.Repeat("0,", 1<<20) + "0]", 0, "more than 20000"},
		{"no list", "7", 0, "cannot unmarshal number"},
	} {
		var got struct{ Layers Descriptors }
		err := json.Unmarshal([]byte(`{"layers":`+c.text+`}`), &got)
		if len(got.Layers) != c.n || (err != nil) != (c.fault != "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: got %d, %v, want %d, %q", c.claim, len(got.Layers), err, c.n, c.fault)
		}
	}
}
