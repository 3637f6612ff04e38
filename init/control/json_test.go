package control

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"bantam/docs"
	"bantam/init/flashing"
	"bantam/init/supervise"
	"bantam/netcfg/dnsforward"
	"bantam/netcfg/firewall"
	"bantam/switcher"
	"bantam/system"
)

// printed are the documents that verbs print with --json, by where they are printed.
var printed = map[string]any{
	"runStatus":       Status{},
	"runNet":          networkReport{},
	"runFirewall":     firewall.View{},
	"runLeases":       []servedLease{},
	"runDNS":          dnsforward.Status{},
	"runCheck":        []system.Problem{},
	"runPlan":         planReport{},
	"runService":      []supervise.State{},
	"listGenerations": []Generation{},
	"showGeneration":  GenerationDescription{},
	"runGC":           switcher.Garbage{},
	"runImport":       brought{},
	"checkImport":     wanting{},
	"showState":       stateReport{},
	"listSecrets":     []Secret{},
	"runTime":         TimeStatus{},
}

// passedOn are what verbs print as lines: the replies of PID 1 of switch --json, plans of flash and install. More of
// them are in files of an architecture.
var passedOn = []any{switcher.Event{}, switcher.Result{}, flashing.Plan{}}

func TestEveryKeyOfAPrintedDocumentIsNamedInOneCasing(t *testing.T) {
	snake := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	seen := map[reflect.Type]bool{}
	var walk func(at string, typ reflect.Type)
	walk = func(at string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			walk(at, typ.Elem())
		case reflect.Struct:
			if seen[typ] || typ == reflect.TypeFor[time.Time]() {
				return
			}
			seen[typ] = true
			for i := range typ.NumField() {
				field := typ.Field(i)
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				place := fmt.Sprintf("%s: %v.%s", at, typ, field.Name)
				if !field.IsExported() && !field.Anonymous || name == "-" {
					continue
				}
				if (name != "" || !field.Anonymous) && !snake.MatchString(name) {
					t.Errorf("%s is printed as %q", place, name)
				}
				walk(place, field.Type)
			}
		}
	}
	for verb, document := range printed {
		walk(verb, reflect.TypeOf(document))
	}
	for _, document := range passedOn {
		walk("switch", reflect.TypeOf(document))
	}
	if len(seen) < 10 {
		t.Errorf("only %d types were looked at", len(seen))
	}
}

// What is not in printed would not be looked at.
func TestEveryVerbThatPrintsJSONIsKnown(t *testing.T) {
	packages, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range packages["control"].Files {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "printJSON" {
						found[f.Name.Name] = true
					}
				}
				return true
			})
		}
	}
	for name := range found {
		if printed[name] == nil {
			t.Errorf("%s prints JSON of a type that no test looks at", name)
		}
	}
	for name := range printed {
		if !found[name] {
			t.Errorf("%s prints no JSON", name)
		}
	}
}

func TestThePageTellsTheUnitOfDurations(t *testing.T) {
	d, err := json.Marshal(Status{Uptime: time.Second})
	if err != nil || !strings.Contains(string(d), `"uptime":1000000000`) {
		t.Errorf("%s, %v", d, err)
	}
	for _, topic := range docs.Topics {
		if topic.Name == "commands" && !strings.Contains(topic.Text, "nanoseconds") {
			t.Error("the unit of times is not documented")
		}
	}
}

func TestAWrongCommandLineIsToldOnStandardErrorWithCode2(t *testing.T) {
	type mistake struct{ args, verb string }
	mistakes := []mistake{{"", ""}, {"nonsense", ""}}
	for _, v := range verbs {
		mistakes = append(mistakes, mistake{v.name + " --no-such-option", v.name}, mistake{v.name + " 1 2 3 4 too many words", v.name})
	}
	for _, m := range mistakes {
		if strings.HasPrefix(m.args, "edit 1") || strings.HasPrefix(m.args, "view 1") {
			continue // these are files
		}
		code, out, errs := runVerb("/nonexistent", strings.Fields(m.args)...)
		if code != ExitUsage || out != "" || !strings.Contains(errs, "bantam "+m.verb) {
			t.Errorf("bantam %s: code %d, output %q, errors %q", m.args, code, out, errs)
		}
		if m.verb != "" && m.verb != "help" && !strings.Contains(errs, "usage: bantam "+m.verb) {
			t.Errorf("bantam %s does not say how it is used: %q", m.args, errs)
		}
		if strings.Contains(errs, " \n") {
			t.Errorf("bantam %s: a line ends with a blank: %q", m.args, errs)
		}
	}
}
