package session

import (
	"errors"
	"reflect"
	"testing"

	"bantam/init/supervise"
	"bantam/system"
	"bantam/yescrypt"
)

func someFiles() Files {
	return Files{
		Passwd: "root:x:0:0:root:/root:/bin/sh\nanna:x:1000:1000::/nowhere/anna:/bin/sh\nmenu:x:1001:1001::/:/usr/bin/menu\nbroken:x:-1:5::/:/bin/sh\nshort:x:1\n",
		Group:  "root:x:0:\nanna:x:1000:\nextra:x:3000:anna,menu\noperator:x:65532:anna\nnone:x:a:anna\n",
	}
}

func TestAccountsAreFound(t *testing.T) {
	f := someFiles()
	for name, want := range map[string]Account{
		"root": {"root", 0, 0, nil, "/root", "/bin/sh"},
		"anna": {"anna", 1000, 1000, []uint32{3000, 65532}, "/nowhere/anna", "/bin/sh"},
		"menu": {"menu", 1001, 1001, []uint32{3000}, "/", "/usr/bin/menu"},
	} {
		if got, err := f.Find(name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "nobody", "broken", "short", "Anna", "anna:x"} {
		if got, err := f.Find(name); !errors.Is(err, ErrNoUser) {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
}

func TestASessionHasItsUsersEnvironment(t *testing.T) {
	anna, _ := someFiles().Find("anna")
	want := supervise.Definition{Name: "session-anna", Argv: []string{"/bin/sh", "-l"}, Dir: "/", UID: 1000, GID: 1000, Groups: []uint32{3000, 65532},
		Env: []string{"HOME=/nowhere/anna", "LOGNAME=anna", "PATH=" + system.SearchPath, "SHELL=/bin/sh", "USER=anna", "TERM=vt102"}}
	if got := anna.Login("TERM=vt102"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	menu, _ := someFiles().Find("menu")
	if got := menu.Login().Argv; !reflect.DeepEqual(got, []string{"/usr/bin/menu"}) {
		t.Errorf("what is no shell is called with %q", got)
	}
	if got := anna.Command("ls | wc").Argv; !reflect.DeepEqual(got, []string{"/bin/sh", "-c", "ls | wc"}) {
		t.Errorf("a command is %q", got)
	}
}

func TestPasswordsOpenTheirAccounts(t *testing.T) {
	h := yescrypt.New([]byte("secret"))
	f := someFiles()
	f.Shadow = "root:*:::::::\nanna:" + h.String() + ":::::::\nmenu::::::::\ngone:" + h.String() + ":::::::\nbroken:$y$j9T$x$y:::::::\n"
	if a, ok := f.Password("anna", []byte("secret")); !ok || a.UID != 1000 {
		t.Errorf("anna: %+v, %v", a, ok)
	}
	for _, c := range [][2]string{{"anna", ""}, {"anna", "Secret"}, {"anna", "secret\n"}, {"root", "secret"}, {"root", ""}, {"root", "*"}, {"menu", ""}, {"gone", "secret"}, {"", "secret"},
		{"eve", "secret"}, {"broken", "secret"}} {
		if a, ok := f.Password(c[0], []byte(c[1])); ok {
			t.Errorf("%q with %q is %+v", c[0], c[1], a)
		}
	}
	if a, ok := (Files{}).Password("root", nil); ok {
		t.Errorf("without any files: %+v", a)
	}
}
