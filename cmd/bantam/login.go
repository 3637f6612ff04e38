package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// login finds name and password of a registry where podman, skopeo, cosign and docker keep them after a login there: REGISTRY_AUTH_FILE, then
// containers' auth.json, then docker's config.json. Credential helpers are not asked.
func login(host string) (user, password string) {
	for _, file := range loginFiles(os.Getenv) {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if user, password = findLogin(data, host); user != "" {
			return user, password
		}
	}
	return "", ""
}

// loginFiles are the files that other tools write, the most particular first.
func loginFiles(env func(string) string) (files []string) {
	add := func(dir string, name ...string) {
		if dir != "" {
			files = append(files, filepath.Join(append([]string{dir}, name...)...))
		}
	}
	add(env("REGISTRY_AUTH_FILE"))
	add(env("XDG_RUNTIME_DIR"), "containers", "auth.json")
	add(env("XDG_CONFIG_HOME"), "containers", "auth.json")
	add(env("HOME"), ".config", "containers", "auth.json")
	add(env("DOCKER_CONFIG"), "config.json")
	add(env("HOME"), ".docker", "config.json")
	return files
}

// findLogin reads one such file. A registry stands in it as a host, or as an address with a scheme and a path; of several the shortest holds, which is
// for all of it.
func findLogin(data []byte, host string) (user, password string) {
	var file struct {
		Auths map[string]struct {
			Auth string `json:"auth"` // base64 of user:password
		} `json:"auths"`
	}
	if json.Unmarshal(data, &file) != nil {
		return "", ""
	}
	names := slices.SortedFunc(maps.Keys(file.Auths), func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	for _, key := range names {
		name := strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
		if name, _, _ = strings.Cut(name, "/"); !strings.EqualFold(name, host) {
			continue
		}
		pair, err := base64.StdEncoding.DecodeString(file.Auths[key].Auth)
		if user, password, ok := strings.Cut(string(pair), ":"); err == nil && ok && user != "" {
			return user, strings.TrimRight(password, "\x00")
		}
	}
	return "", ""
}
