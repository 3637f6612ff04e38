package payload

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// userWish is an account that a package expects.
type userWish struct {
	Name string
	UID  int // 0: any
}

// staticUsers are those that every Debian has from base-passwd, and no machine of Bantam's: users-and-groups.txt there.
var staticUsers = map[string]int{
	"daemon": 1, "bin": 2, "sys": 3, "games": 5, "man": 6, "lp": 7, "mail": 8, "news": 9, "uucp": 10, "proxy": 13,
	"www-data": 33, "backup": 34, "list": 38, "irc": 39,
}

// users are the accounts that a package makes, or takes for granted, by sysusers.d(5), by its scripts and its units.
func (c *contents) users() (list []userWish) {
	add := func(name string, uid int) {
		if name == "" || name == "root" || name == "nobody" || !userName.MatchString(name) {
			return
		}
		if uid == 0 {
			uid = staticUsers[name]
		}
		if !slices.ContainsFunc(list, func(u userWish) bool { return u.Name == name }) {
			list = append(list, userWish{name, uid})
		}
	}
	for _, file := range slices.Sorted(maps.Keys(c.Aside)) {
		if path.Dir(file) != "usr/lib/sysusers.d" {
			continue
		}
		for line := range strings.Lines(c.Aside[file]) {
			words := splitWords(line)
			if len(words) < 2 || !strings.HasPrefix(words[0], "u") {
				continue
			}
			uid := 0
			if len(words) > 2 {
				number, _, _ := strings.Cut(words[2], ":")
				uid, _ = strconv.Atoi(number)
			}
			add(words[1], uid)
		}
	}
	for _, script := range []string{"preinst", "postinst"} {
		for _, command := range shellCommands(c.Scripts[script]) {
			add(addedUser(command))
			if name := changedOwner(command); staticUsers[name] != 0 {
				add(name, 0)
			}
		}
	}
	return list
}

var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]*$`)

// valueOptions are options of adduser(8) and useradd(8) that a value of its own follows.
var valueOptions = []string{"--home", "--shell", "--uid", "--gid", "--ingroup", "--gecos", "--comment", "--firstuid", "--lastuid", "--conf", "--home-dir", "--groups",
	"-d", "-s", "-u", "-g", "-c", "-G", "-b", "-k", "-K"}

// addedUser is the user that a command makes, and its number if that is fixed; "" if it makes none.
func addedUser(command []string) (name string, uid int) {
	if len(command) == 0 || path.Base(command[0]) != "adduser" && path.Base(command[0]) != "useradd" {
		return "", 0
	}
	var names []string
	for i := 1; i < len(command); i++ {
		option, value, joined := strings.Cut(command[i], "=")
		switch {
		case !strings.HasPrefix(option, "-"):
			names = append(names, command[i])
			continue
		case !joined && slices.Contains(valueOptions, option):
			if i++; i < len(command) {
				value = command[i]
			}
		}
		if option == "--uid" || option == "-u" {
			uid, _ = strconv.Atoi(value)
		}
	}
	if len(names) != 1 { // two are a user and a group that it joins
		return "", 0
	}
	return names[0], uid
}

// changedOwner is the user that chown gives something to.
func changedOwner(command []string) string {
	if len(command) < 3 || path.Base(command[0]) != "chown" {
		return ""
	}
	for _, word := range command[1:] {
		if !strings.HasPrefix(word, "-") {
			name, _, _ := strings.Cut(word, ":")
			return name
		}
	}
	return ""
}

var assignment = regexp.MustCompile(`(?m)^\s*([A-Za-z_][A-Za-z0-9_]*)=["']?([A-Za-z0-9_./-]+)["']?\s*$`)

// separators stand between commands; words of the shell's grammar go before some.
var separators = regexp.MustCompile(`\n|;|&&|\|\||\||\b(?:then|else|do|if|elif|while|!)\s`)

// shellCommands are the simple commands of a script as words, variables of one value put in. It is no shell: it finds what
// scripts of packages say plainly.
func shellCommands(script string) (commands [][]string) {
	script = strings.ReplaceAll(script, "\\\n", " ")
	var values []string
	for _, m := range assignment.FindAllStringSubmatch(script, -1) {
		values = append(values, "${"+m[1]+"}", m[2], "$"+m[1], m[2])
	}
	plain, loops := strings.NewReplacer(values...), loop.FindAllStringSubmatch(script, -1)
	for _, text := range separators.Split(script, -1) {
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		for _, each := range unrolled(plain.Replace(text), loops) {
			commands = append(commands, splitWords(each))
		}
	}
	return commands
}

// loop is a for of the shell, e.g. for i in nc netcat.
var loop = regexp.MustCompile(`\bfor\s+([A-Za-z_][A-Za-z0-9_]*)\s+in\s+([A-Za-z0-9_./ -]+)`)

// mostTurns bounds a loop, and loops within each other.
const mostTurns = 50

// unrolled are a command for each word that the loops of its script go through, where it names their variable.
func unrolled(command string, loops [][]string) []string {
	commands := []string{command}
	for _, l := range loops {
		var all []string
		for _, c := range commands {
			words := strings.Fields(l[2])
			if !strings.Contains(c, "$"+l[1]) && !strings.Contains(c, "${"+l[1]+"}") {
				all = append(all, c)
				continue
			}
			for _, word := range words {
				all = append(all, strings.NewReplacer("${"+l[1]+"}", word, "$"+l[1], word).Replace(c))
			}
		}
		if len(all) > mostTurns {
			return commands
		}
		commands = all
	}
	return commands
}
