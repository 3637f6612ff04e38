package payload

import "testing"

func TestWhatALayerLeavesOut(t *testing.T) {
	for path, want := range map[string]string{
		"usr/bin/mosquitto":                             "kept",
		"usr/share/doc/mosquitto/copyright":             "left out",
		"usr/share/doc":                                 "left out",
		"usr/share/docbook/x":                           "kept",
		"usr/share/man/man1/x.1.gz":                     "left out",
		"usr/share/zoneinfo/UTC":                        "kept",
		"usr/lib/systemd/system/x.service":              "left out",
		"usr/lib/x86_64-linux-gnu/systemd/libx.so":      "kept",
		"usr/lib/firmware/x.bin":                        "kept",
		"usr/lib/modules/6.1/x.ko":                      "left out",
		"etc/init.d/x":                                  "left out",
		"etc/rc3.d/S01x":                                "left out",
		"etc/cron.daily/x":                              "left out",
		"etc/crontab":                                   "kept",
		"etc/network/if-up.d/x":                         "left out",
		"etc/network/interfaces":                        "kept",
		"etc/mosquitto/mosquitto.conf":                  "kept",
		"usr/lib/x86_64-linux-gnu/libm.so.6":            "kept",
		"usr/lib/x86_64-linux-gnu/libmvec.so.1":         "rare",
		"usr/lib/aarch64-linux-gnu/gconv/EUC-JP.so":     "rare",
		"usr/lib/aarch64-linux-gnu/gconv/UTF-16.so":     "kept",
		"usr/lib/aarch64-linux-gnu/gconv/ISO8859-1.so":  "kept",
		"usr/lib/aarch64-linux-gnu/gconv/ISO8859-15.so": "kept",
		"usr/lib/aarch64-linux-gnu/gconv/ISO8859-10.so": "rare",
		"usr/lib/aarch64-linux-gnu/gconv/gconv-modules": "kept",
	} {
		got := "kept"
		switch {
		case trimmed(path):
			got = "left out"
		case isRare(path):
			got = "rare"
		}
		if got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}
