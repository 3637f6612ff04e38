package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"bantam/oci"
	"bantam/oci/registrytest"
)

func TestPushSendsWhatIsLackingAndSaysSo(t *testing.T) {
	host := registrytest.Start(t, "", "")
	dir := t.TempDir()
	digest := smallLayout(t, dir, "qemu-arm64", "pc")
	word := "http://" + host + "/machines/pc:v1"
	push := func(args ...string) (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		code = run(append([]string{"push"}, args...), strings.NewReader(""), &out, &errs)
		return code, out.String(), errs.String()
	}
	want := fmt.Sprintf("generation %s: 5 of 5 blobs sent, 135 bytes; 0 bytes were there\n%s/machines/pc:v1 is %s\n", digest.Short(), host, digest)
	if code, stdout, stderr := push("--insecure", "--store", dir, word); code != exitOK || stdout != want || stderr != "" {
		t.Errorf("%d, %q, %q, want %q", code, stdout, stderr, want)
	}
	want = fmt.Sprintf("generation %s: 0 of 5 blobs sent, 0 bytes; 135 bytes were there\n%s/copies/pc:latest is %s\n", digest.Short(), host, digest)
	want = strings.Replace(want, "0 of 5 blobs sent, 0 bytes; 135 bytes", "5 of 5 blobs sent, 135 bytes; 0 bytes", 1) // of another repository nothing is known
	if code, stdout, stderr := push("--insecure", "--from", word, "http://"+host+"/copies/pc"); code != exitOK || stdout != want || stderr != "" {
		t.Errorf("from registry to registry: %d, %q, %q, want %q", code, stdout, stderr, want)
	}
	if code, stdout, _ := push("--insecure", "--store", dir, word); code != exitOK || !strings.Contains(stdout, "0 of 5 blobs sent, 0 bytes; 135 bytes were there") {
		t.Errorf("again: %d, %q", code, stdout)
	}
	src, err := oci.Open(t.Context(), word, oci.Options{AllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := src.Manifest(t.Context()); err != nil {
		t.Error(err)
	}

	for claim, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no reference":      {nil, exitUsage, "want one HOST/REPOSITORY:TAG"},
		"a word":            {[]string{"pc"}, exitUsage, "no / behind a host"},
		"no tag but digest": {[]string{"--insecure", "--store", dir, host + "/pc@" + string(digest)}, exitFault, "takes a tag"},
		"http, unsaid":      {[]string{"--store", dir, word}, exitFault, "--insecure"},
		"no store":          {[]string{"--store", dir + "/no", host + "/pc"}, exitFault, "bantam build makes it"},
		"another board":     {[]string{"--insecure", "--store", dir, "--board", "qemu-arm64", "--from", filepath.Join(dir, "no.tar"), word}, exitFault, "no such file"},
		"TLS":               {[]string{"--store", dir, host + "/pc"}, exitFault, "does not speak TLS"},
	} {
		if code, _, stderr := push(c.args...); code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: %d, %q, want %d, %q", claim, code, stderr, c.code, c.want)
		}
	}
}

func TestLoginsAreFoundWhereOtherToolsKeepThem(t *testing.T) {
	auth := base64.StdEncoding.EncodeToString([]byte("me:a:secret"))
	text := `{"auths":{"registry.example.org:5000":{"auth":"` + auth + `"},"https://old.example.org/v1/":{"auth":"` + auth + `"},"helped.example.org":{},"bad.example.org":{"auth":"!"}},"credsStore":"desktop"}`
	for host, want := range map[string]string{
		"registry.example.org:5000": "me a:secret", "Registry.example.org:5000": "me a:secret", "old.example.org": "me a:secret",
		"registry.example.org": " ", "helped.example.org": " ", "bad.example.org": " ", "": " ",
	} {
		if user, password := findLogin([]byte(text), host); user+" "+password != want {
			t.Errorf("%q: got %s %s, want %s", host, user, password, want)
		}
	}
	several := []string{`"https://two.example.org/v1/": {"auth": "YTph"}`, `"two.example.org/machines": {"auth": "Yjpi"}`, `"two.example.org": {"auth": "Yzpj"}`}
	for range 20 { // each time the map has another order
		if user, _ := findLogin([]byte(`{"auths": {`+strings.Join(several, ", ")+`}}`), "two.example.org"); user != "c" {
			t.Fatalf("of several logins that of %s is taken, want c's, which is for all of the registry", user)
		}
	}
	if user, _ := findLogin([]byte("no JSON"), "x"); user != "" {
		t.Error(user)
	}
	got := loginFiles(func(name string) string {
		return map[string]string{"HOME": "/home/me", "XDG_RUNTIME_DIR": "/run/user/7"}[name]
	})
	want := "/run/user/7/containers/auth.json /home/me/.config/containers/auth.json /home/me/.docker/config.json"
	if strings.Join(got, " ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
}
