package images

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOnlyTheWayToTheNetworkIsTakenFromTheHost(t *testing.T) {
	const taken = `Acquire::http::Proxy "http://proxy.example:3128";
Acquire::http::Proxy::mirror.example "DIRECT";
Acquire::http::Proxy-Auto-Detect "/usr/lib/detect";
Acquire::https::CaInfo "/etc/ssl/corporate.pem";
Acquire::https::mirror.example::CaInfo "/etc/ssl/mirror.pem";
Acquire::HTTPS::SslCert "/etc/ssl/me.pem";
Acquire::http::Timeout "120";
Acquire::http::Dl-Limit "100";
Acquire::ForceIPv4 "true";
`
	const left = `Acquire "";
Acquire::http "";
Acquire::http::Proxy "";
Acquire::https::Verify-Peer "false";
Acquire::https::Verify-Host "0";
Acquire::https::mirror.example::Verify-Peer "false";
Acquire::https::SslForceVersion "TLSv1";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
Acquire::Max-ValidTime "999999999";
Acquire::Max-ValidTime::Debian "999999999";
Acquire::AllowInsecureRepositories "1";
Acquire::AllowWeakRepositories "1";
Acquire::AllowDowngradeToInsecureRepositories "1";
Acquire::Languages "de";
APT::Get::AllowUnauthenticated "true";
DPkg::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb";
`
	if got := hostNetwork(left + taken + left); got != taken {
		t.Errorf("taken from the host:\n%swant\n%s", got, taken)
	}
}

// apt itself says what holds in the private root on a host that is lenient with its own archives, and does so: an
// archive that is past its date is refused, and taken when that is asked for.
func TestHostMayBeLenientWithItsOwnArchives(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	lenient := filepath.Join(dir, "lenient")
	if err := writeText(lenient, `Acquire::Check-Valid-Until "false"; Acquire::https::Verify-Peer "false"; Acquire::https::Verify-Host "false";
Acquire::https::Proxy "http://proxy.example:3128"; APT::Get::AllowUnauthenticated "true"; Acquire::AllowInsecureRepositories "true";`); err != nil {
		t.Fatal(err)
	}
	t.Setenv("APT_CONFIG", lenient)
	repository := filepath.Join(dir, "debian")
	day := func(ago int) string {
		return time.Now().UTC().Add(-time.Duration(ago) * 24 * time.Hour).Format("Mon, 02 Jan 2006 15:04:05 UTC")
	}
	release := fmt.Sprintf("Origin: Debian\nSuite: bookworm\nCodename: bookworm\nDate: %s\nValid-Until: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n %s 0 main/binary-amd64/Packages\n",
		day(30), day(23), sha256Hex(nil))
	if err := writeText(filepath.Join(repository, "dists/bookworm/Release"), release); err != nil {
		t.Fatal(err)
	}
	if err := writeText(filepath.Join(repository, "dists/bookworm/main/binary-amd64/Packages"), ""); err != nil {
		t.Fatal(err)
	}
	for _, allow := range []bool{false, true} {
		a := Archive{CacheDir: t.TempDir(), Release: "bookworm", Arch: "amd64", AllowExpired: allow}
		if err := a.writeSources(); err != nil {
			t.Fatal(err)
		}
		sources, err := os.ReadFile(a.path("sources.list"))
		if err != nil {
			t.Fatal(err)
		}
		// The first source as it stands, but for the key, which we have not, and the place.
		options, _, _ := strings.Cut(strings.TrimPrefix(string(sources), "deb [signed-by="+debianKeyring), "]")
		if err := writeText(a.path("sources.list"), "deb [trusted=yes"+options+"] file:"+repository+" bookworm main\n"); err != nil {
			t.Fatal(err)
		}
		if err := a.update(ctx); (err == nil) != allow || err != nil && !strings.Contains(err.Error(), "--allow-expired") {
			t.Errorf("an archive that expired, allowed %v: %v", allow, err)
		}
		said, err := a.apt(ctx, "", "apt-config", "dump")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`Acquire::Check-Valid-Until "true";`, `Acquire::https::Verify-Peer "true";`, `Acquire::https::Verify-Host "true";`,
			`Acquire::AllowInsecureRepositories "false";`, `APT::Get::AllowUnauthenticated "false";`, `Acquire::https::Proxy "http://proxy.example:3128";`,
		} {
			if !strings.Contains(said, want+"\n") {
				t.Errorf("in the private root %s does not hold", want)
			}
		}
	}
}

func TestOldListsAreTold(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for made, want := range map[time.Time]string{
		{}:                           "",
		now.Add(time.Hour):           "",
		now.Add(-7 * 24 * time.Hour): "",
		time.Date(2026, 7, 11, 0, 0, 0, 0, time.UTC): "of 2026-07-11, 140 days old",
	} {
		if got := staleNote("bookworm", made, now); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("lists of %v: %q, want %q", made, got, want)
		}
	}
	lists := t.TempDir()
	for name, text := range map[string]string{
		"a_InRelease":  "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n",
		"b_Release":    "Date: Fri, 27 Nov 2026 02:10:32 UTC\n",
		"c_InRelease":  "Date: yesterday\n",
		"d_Packages":   "Date: Sat, 28 Nov 2026 02:10:32 UTC\n",
		"e_InRelease":  "",
		"lock_Release": strings.Repeat("x", 1<<17),
	} {
		if err := writeText(filepath.Join(lists, name), text); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := newestRelease(lists), time.Date(2026, 11, 27, 2, 10, 32, 0, time.UTC); !got.Equal(want) {
		t.Errorf("newest list of %v, want %v", got, want)
	}
}
