package images

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tinyELF makes a 64-bit ELF file that has nothing but sections with the given names and bytes.
func tinyELF(t testing.TB, machine elf.Machine, typ elf.Type, sections map[string][]byte) []byte {
	t.Helper()
	names := []byte{0}
	type placed struct{ name, at, size int }
	var list []placed
	var body []byte
	add := func(name string, data []byte) {
		list = append(list, placed{len(names), 64 + len(body), len(data)})
		names = append(append(names, name...), 0)
		body = append(body, data...)
	}
	for _, name := range []string{".text", ".modinfo"} {
		if data, ok := sections[name]; ok {
			add(name, data)
		}
	}
	add(".shstrtab", nil)
	list[len(list)-1].size = len(names)
	body = append(body, names...)
	for len(body)%8 != 0 {
		body = append(body, 0)
	}

	var b bytes.Buffer
	header := elf.Header64{
		Type: uint16(typ), Machine: uint16(machine), Version: 1, Shoff: uint64(64 + len(body)),
		Ehsize: 64, Shentsize: 64, Shnum: uint16(len(list) + 1), Shstrndx: uint16(len(list)),
	}
	copy(header.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	write := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	write(header)
	b.Write(body)
	write(elf.Section64{})
	for i, s := range list {
		kind := elf.SHT_PROGBITS
		if i == len(list)-1 {
			kind = elf.SHT_STRTAB
		}
		write(elf.Section64{Name: uint32(s.name), Type: uint32(kind), Off: uint64(s.at), Size: uint64(s.size), Addralign: 1})
	}
	return b.Bytes()
}

// kernelHead is what is looked at to know a PC's kernel.
func kernelHead() []byte {
	head := make([]byte, 0x206)
	magic := kernelMagic["amd64"]
	copy(head[magic.at:], magic.text)
	return head
}

// fakeKernel is a kernel of a few bytes with modules that hang together as real ones do.
func fakeKernel(t testing.TB, dir string) Kernel {
	t.Helper()
	modules := filepath.Join(dir, "lib/modules/6.1.0-test")
	put := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(modules, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ko := func(name string, info ...string) {
		t.Helper()
		put(name, tinyELF(t, elf.EM_X86_64, elf.ET_REL, map[string][]byte{
			".text":    bytes.Repeat([]byte(name), 50),
			".modinfo": []byte(strings.Join(info, "\x00") + "\x00"),
		}))
	}
	ko("kernel/fs/ext4/ext4.ko", "depends=jbd2,crc16,mbcache", "alias=fs-ext4", "softdep=pre: crc32c", "license=GPL")
	ko("kernel/fs/jbd2/jbd2.ko", "depends=")
	ko("kernel/fs/mbcache.ko", "depends=")
	ko("kernel/lib/crc16.ko", "depends=")
	ko("kernel/crypto/crc32c_generic.ko", "depends=", "alias=crc32c", "alias=crypto-crc32c")
	ko("kernel/arch/x86/crypto/crc32c-intel.ko", "depends=", "alias=crc32c", "alias=crypto-crc32c")
	ko("kernel/drivers/net/e1000.ko", "depends=", "alias=pci:v00008086d0000100Esv*sd*bc*sc*i*")
	ko("kernel/drivers/net/virtio_net.ko", "depends=net_failover", "alias=virtio:d00000001v*")
	ko("kernel/drivers/net/net_failover.ko", "depends=")
	ko("kernel/drivers/block/virtio_blk.ko", "depends=", "softdep=post: no-such-module")
	ko("kernel/drivers/usb/storage/usb-storage.ko", "depends=", "softdep=pre: uas post: e1000")
	ko("kernel/drivers/usb/storage/uas.ko", "depends=usb-storage")
	ko("kernel/net/wireguard/wireguard.ko", "depends=", "alias=rtnl-link-wireguard")
	put("modules.builtin", []byte("kernel/drivers/char/rtc-cmos.ko\nkernel/net/packet/af_packet.ko\n"))
	put("modules.order", []byte("kernel/crypto/crc32c_generic.ko\nkernel/arch/x86/crypto/crc32c-intel.ko\nkernel/fs/mbcache.ko\nkernel/fs/jbd2/jbd2.ko\nkernel/fs/ext4/ext4.ko\n"))
	image := filepath.Join(dir, "vmlinuz-6.1.0-test")
	if err := os.WriteFile(image, kernelHead(), 0o644); err != nil {
		t.Fatal(err)
	}
	k, err := KernelFiles(image, modules, "", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	return k
}
