package control

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"bantam/init/supervise"
)

// completionLimit is how long Tab waits for PID 1.
const completionLimit = 300 * time.Millisecond

// Complete proposes words for the one that begins with typed and stands after
// `bantam words...`; files says that names of files fit too.
func Complete(words []string, typed string) (names []string, files bool) {
	return complete(words, typed, Socket)
}

func complete(words []string, typed, socket string) (names []string, files bool) {
	if len(words) == 0 {
		return Names(), false
	}
	for _, v := range verbs {
		if v.name == words[0] {
			return v.complete(words[1:], typed, socket)
		}
	}
	return nil, true
}

// complete proposes what may follow the verb and rest.
func (v verb) complete(rest []string, typed, socket string) (names []string, files bool) {
	var options, actions []string
	for _, word := range strings.FieldsFunc(v.usage, func(r rune) bool { return strings.ContainsRune("[]| \n", r) }) {
		switch word = strings.TrimRight(word, "."); {
		case strings.HasPrefix(word, "-"):
			if !slices.Contains(options, word) {
				options = append(options, word)
			}
		case word == strings.ToLower(word):
			actions = append(actions, word)
		}
	}
	if strings.HasPrefix(typed, "-") {
		return options, false
	}
	var operands []string
	for _, word := range rest {
		if !strings.HasPrefix(word, "-") {
			operands = append(operands, word)
		}
	}
	ask := func(request string, reply any) {
		last, err := callWithin(completionLimit, socket, Request{Verb: request}, func(Frame) {})
		if err == nil && last.Reply != nil {
			_ = json.Unmarshal(last.Reply, reply) // nothing to propose
		}
	}
	generations := func() (list []string) {
		var all []Generation
		ask("generations", &all)
		for _, g := range all {
			list = append(list, strconv.Itoa(g.Number))
		}
		return list
	}
	services := func() (list []string) {
		var s struct{ Services []supervise.State }
		ask("status", &s)
		for _, service := range s.Services {
			list = append(list, service.Name)
		}
		return list
	}
	ports := func() (list []string) {
		var s struct {
			Network struct{ Ports []struct{ Name string } }
		}
		ask("status", &s)
		for _, p := range s.Network.Ports {
			list = append(list, p.Name)
		}
		return list
	}
	secrets := func() (list []string) {
		var all []Secret
		ask("secret list", &all)
		for _, s := range all {
			list = append(list, s.Name)
		}
		return list
	}
	folders := func() (list []string) {
		var all []StateFolder
		ask("state folders", &all)
		for _, f := range all {
			if len(f.UsedBy) == 0 {
				list = append(list, f.Path)
			}
		}
		return list
	}
	switch v.name {
	case "secret":
		if len(operands) == 1 && operands[0] != "list" {
			return secrets(), false
		}
	case "state":
		if len(operands) == 1 && operands[0] == "remove" {
			return folders(), false
		}
	case "net":
		if len(operands) == 1 && (operands[0] == "renew" || operands[0] == "why") {
			return ports(), false
		}
	case "help":
		return append(Names(), topics()...), false
	case "rollback", "diff", "show":
		return generations(), false
	case "switch", "test", "boot", "plan":
		return generations(), true
	case "export":
		if len(operands) == 0 {
			return generations(), false
		}
	case "log":
		return services(), false
	case "generations":
		if len(operands) > 0 {
			return generations(), false
		}
	case "service":
		if len(operands) > 0 {
			return services(), false
		}
	}
	if len(operands) > 0 {
		actions = nil
	}
	return actions, strings.Contains(v.usage, "FILE")
}
