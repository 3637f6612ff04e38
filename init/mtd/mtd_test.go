package mtd

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The size of an argument is part of the number of its ioctl, on every architecture: 14 bits from bit 16 on, of MIPS 13.
func TestArgumentsAreAsLongAsTheKernelsAre(t *testing.T) {
	for name, size := range map[string][2]uintptr{
		"UBI_IOCATT":   {unix.UBI_IOCATT, unsafe.Sizeof(attachRequest{})},
		"UBI_IOCMKVOL": {unix.UBI_IOCMKVOL, unsafe.Sizeof(makeRequest{})},
		"UBI_IOCRNVOL": {unix.UBI_IOCRNVOL, unsafe.Sizeof(renameRequest{})},
		"UBI_IOCVOLUP": {unix.UBI_IOCVOLUP, unsafe.Sizeof(int64(0))},
		"UBI_IOCRMVOL": {unix.UBI_IOCRMVOL, unsafe.Sizeof(int32(0))},
		"MEMERASE64":   {unix.MEMERASE64, unsafe.Sizeof(unix.EraseInfo64{})},
		"MEMUNLOCK":    {unix.MEMUNLOCK, unsafe.Sizeof(unix.EraseInfo{})},
	} {
		if want := size[0] >> 16 & 0x1fff; size[1] != want {
			t.Errorf("%s: %d bytes, the kernel wants %d", name, size[1], want)
		}
	}
}

// tree makes files of sysfs.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDevicesAreThoseOfSysfs(t *testing.T) {
	dir := tree(t, map[string]string{
		"mtd10/name": "state", "mtd10/type": "nor", "mtd10/size": "5963776", "mtd10/erasesize": "65536", "mtd10/writesize": "1", "mtd10/flags": "0xc00",
		"mtd2/name": "NAND 128MiB", "mtd2/type": "mlc-nand", "mtd2/size": "134217728", "mtd2/erasesize": "131072", "mtd2/writesize": "2048", "mtd2/flags": "0x400",
		"mtd3/name": "rom", "mtd3/type": "rom", "mtd3/size": "4096", "mtd3/erasesize": "0", "mtd3/writesize": "1", "mtd3/flags": "0x0",
		"mtd2ro/dev": "90:5",
	})
	got, err := devices(dir)
	want := []Device{
		{2, "NAND 128MiB", "mlc-nand", 1 << 27, 1 << 17, 2048, unix.MTD_CAP_NANDFLASH},
		{10, "state", "nor", 5963776, 1 << 16, 1, unix.MTD_CAP_NORFLASH},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	if !got[0].IsNAND() || got[0].Clears() || got[1].IsNAND() || !got[1].Clears() {
		t.Errorf("%+v", got)
	}
	if got, err := devices(filepath.Join(dir, "none")); err != nil || len(got) > 0 {
		t.Errorf("without MTD: %+v, %v", got, err)
	}
	if err := os.Remove(filepath.Join(dir, "mtd2/size")); err != nil {
		t.Fatal(err)
	}
	if _, err := devices(dir); err == nil {
		t.Error("an attribute that is not there is no error")
	}
}

func TestVolumesAreThoseOfSysfs(t *testing.T) {
	dir := tree(t, map[string]string{
		"version":      "1",
		"ubi0/mtd_num": "1", "ubi1/mtd_num": "10",
		"ubi1/eraseblock_size": "126976", "ubi1/avail_eraseblocks": "7", "ubi1/total_eraseblocks": "1020", "ubi1/bad_peb_count": "4", "ubi1/reserved_for_bad": "16", "ubi1/ro_mode": "1",
		"ubi1_0/name": "fit", "ubi1_0/type": "static", "ubi1_0/reserved_ebs": "50", "ubi1_0/data_bytes": "6000000", "ubi1_0/corrupted": "0", "ubi1_0/upd_marker": "1",
		"ubi1_4/name": "state", "ubi1_4/type": "dynamic", "ubi1_4/reserved_ebs": "100", "ubi1_4/data_bytes": "12697600", "ubi1_4/corrupted": "0", "ubi1_4/upd_marker": "0",
	})
	u, ok := attached(dir, Device{Number: 10})
	if !ok || u.Number != 1 {
		t.Fatalf("%+v, %v", u, ok)
	}
	if _, ok := attached(dir, Device{Number: 11}); ok {
		t.Error("a device that is not attached is found")
	}
	state, err := u.State()
	if want := (UBIState{126976, 7, 1020, 4, 16, true}); err != nil || state != want {
		t.Errorf("%+v, %v", state, err)
	}
	volumes, err := u.Volumes()
	want := []Volume{{0, "fit", true, 50, 6000000, true}, {4, "state", false, 100, 12697600, false}}
	if err != nil || !reflect.DeepEqual(volumes, want) {
		t.Errorf("%+v, %v", volumes, err)
	}
	if v, there, err := u.Find("state"); err != nil || !there || u.VolumePath(v) != "/dev/ubi1_4" {
		t.Errorf("%+v, %v, %v", v, there, err)
	}
}
