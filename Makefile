# Bantam: `make run` builds and boots a PC image, `make test` runs every test.
# Both install the Debian packages they lack when they run as root, and print
# the one command that does otherwise.

GO    ?= go
BOARD ?= pc
ARCH   = $(shell sed -n 's/^arch *= *"\(.*\)"/\1/p' $(if $(filter %.toml,$(BOARD)),$(BOARD),board/$(BOARD).toml))

export CGO_ENABLED = 0

# The clock of a machine never starts before this: the date of the newest commit.
BUILD_TIME := $(shell git log -1 --format=%ct 2>/dev/null || echo 1700000000)
VERSION    := $(shell git describe --tags --always 2>/dev/null || echo unknown)

# Stripped and without inlining: 14 % smaller compressed (see docs/size.md).
# Where inlining pays in CPU time on routers it is put back. variablemakethreshold=0: no second way, on the stack, for
# each slice whose size is known only when it is made.
LDFLAGS = -s -w -X main.buildTime=$(BUILD_TIME) -X main.version=$(VERSION)
GCFLAGS = '-gcflags=all=-l -d=variablemakethreshold=0' -gcflags=runtime/...= -gcflags=crypto/internal/fips140/sha256=
DEVICE  = $(GO) build -overlay bin/overlay/overlay.json -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' $(GCFLAGS)
# In front of DEVICE: what of Go's library a device does without.
SMALL_STD = $(GO) run ./cmd/smallstd bin/overlay
# Behind DEVICE: no line numbers, and a smaller function table.
DROP_LINES = $(GO) run ./cmd/droplines

RUN_PACKAGES  = qemu-system-x86 ovmf xz-utils zstd e2fsprogs squashfs-tools
EDITORS = nano vim-tiny nvi busybox-static mg ne joe micro
BENCH_PACKAGES = qemu-system-x86 xz-utils zstd fdisk busybox-static dnsmasq-base isc-dhcp-client bind9-dnsutils nftables $(EDITORS)
ARM_PACKAGES  = qemu-system-arm qemu-efi-aarch64
UBOOT_PACKAGES = qemu-system-arm u-boot-qemu device-tree-compiler
# What builds the kernels that boards have of their own, and the machine that one of them is for.
KERNEL_PACKAGES = gcc gcc-mips-linux-gnu gcc-mipsel-linux-gnu libc6-dev flex bison bc libelf-dev qemu-system-mips
TEST_PACKAGES = $(RUN_PACKAGES) $(ARM_PACKAGES) qemu-user qemu-user-static \
	xorriso mtools dosfstools gdisk isolinux syslinux-common systemd-boot-efi cpio skopeo docker-registry openssl \
	dnsmasq-base kea-dhcp4-server kea-dhcp6-server radvd iproute2 util-linux procps busybox-static kmod \
	dash bsdextrautils zstd debian-archive-keyring e2fsprogs mount file tmux acl libarchive-tools patch mawk original-awk \
	fdisk qemu-utils isc-dhcp-client ndisc6 systemd traceroute tcpdump chrony bind9-dnsutils grub-common u-boot-tools libubootenv-tool device-tree-compiler mtd-utils \
	nftables openssh-client dropbear-bin putty-tools python3-paramiko ssh-audit mosquitto-clients lrzsz tftp-hpa curl ppp hostapd wpasupplicant

# need installs Debian packages, or says how.
define need
@missing=; for p in $(1); do \
	dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q ' ok installed' || missing="$$missing $$p"; \
done; \
if [ -n "$$missing" ]; then \
	if [ $$(id -u) = 0 ]; then \
		echo "Installing Debian packages:$$missing"; \
		apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing >/dev/null; \
	else \
		echo "First install what is missing:  sudo apt-get install -y --no-install-recommends$$missing"; exit 1; \
	fi; \
fi
endef

.PHONY: run image build device test test-pure test-big-endian test-machines lint bench size clean help

help:
	@echo 'make run      build the example machine for a PC and boot it here, serial console on this terminal'
	@echo 'make image    only build out/pc.img and out/pc.iso'
	@echo 'make test     every test, the machine tests included'
	@echo 'make bench    one job beside other init systems: time and memory; the editor beside eight others'
	@echo 'make test-kernels  another kernel is a switch like any other, and kernels that boards have of their own: longer than make test may take'
	@echo 'make test-boards   boot loaders, U-Boot and GRUB: boot slots, counting, damage; longer than make test may take'
	@echo 'make test-releases clients of other releases of Debian log in by SSH'
	@echo 'make bench-check  fails when the job takes 3 % more time or memory than recorded'
	@echo 'make size     what takes the bytes'
	@echo 'make cost OF=REGEXP  what files of this module cost in the device binary, packed'
	@echo 'make lint     formatting, vet, rules of the house'
	@echo 'make clean    remove bin and out'
	@echo
	@echo 'BOARD=NAME makes run, image and size work for another board (bin/bantam boards), test-boards for it alone. Parts of make test: test-pure,'
	@echo 'test-big-endian, test-machines, cross.'

run: image
	@bin/bantam run --board $(BOARD)

# The lock lies in out: the checkout stays as it is, and may be read-only; who tries the examples gets the newest packages,
# and keeps them until `make clean`.
image: build $(filter device-arm device-mips device-mipsle,device-$(ARCH))
	@bin/bantam build --board $(BOARD) --lock out/$(notdir $(BOARD)).lock $(firstword $(wildcard examples/$(BOARD:-uboot=)/system.toml) examples/pc/system.toml)

build: run-packages bin/bantam device

.PHONY: run-packages test-packages bin/bantam
run-packages:
	$(call need,$(RUN_PACKAGES) $(if $(filter qemu-arm64,$(BOARD)),$(ARM_PACKAGES)) $(if $(filter qemu-arm64-uboot,$(BOARD)),$(UBOOT_PACKAGES)) $(if $(filter mips mipsle,$(ARCH)),$(KERNEL_PACKAGES)))
test-packages:
	$(call need,$(TEST_PACKAGES))

bin/bantam:
	@$(GO) build -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o $@ ./cmd/bantam

# The device binary for PCs and 64-bit ARM, and those for 32-bit ARM and for routers, which only their boards need.
.PHONY: small-std device-arm device-mips device-mipsle
small-std:
	@$(SMALL_STD)

device-arm: small-std
	@GOARCH=arm GOARM=7 $(DEVICE) -o bin/device/arm/bantam ./init
	@$(DROP_LINES) bin/device/arm/bantam

device-mips: small-std
	@GOARCH=mips GOMIPS=softfloat $(DEVICE) -o bin/device/mips/bantam ./init
	@$(DROP_LINES) bin/device/mips/bantam

device-mipsle: small-std
	@GOARCH=mipsle GOMIPS=softfloat $(DEVICE) -o bin/device/mipsle/bantam ./init
	@$(DROP_LINES) bin/device/mipsle/bantam

device: small-std
	@GOARCH=amd64 $(DEVICE) -o bin/device/amd64/bantam ./init
	@GOARCH=arm64 $(DEVICE) -o bin/device/arm64/bantam ./init
	@$(DROP_LINES) bin/device/amd64/bantam bin/device/arm64/bantam

# Packages without I/O, whose tests run on every architecture.
PURE = ./system ./layer ./lifecycle ./newc ./printable ./spelling ./firmware ./flashmap ./frame ./gpt ./panel ./slot ./editor ./editor/compare ./editor/file ./editor/keys ./editor/language ./editor/plain ./editor/screen ./editor/systemfile ./editor/text \
	./editor/vt ./switcher ./netcfg ./netcfg/bootp ./netcfg/dhcp4 ./netcfg/dhcp4serve ./netcfg/dhcp6 ./netcfg/dnsforward ./netcfg/dnsname ./netcfg/firewall ./netcfg/nft ./netcfg/raserve ./netcfg/session ./netcfg/wifi ./init/flashing ./init/kmod ./init/mtd ./init/rawflash ./init/shell/line ./init/statevolume/sparse
# Packages whose tests start virtual machines.
MACHINES = ./test ./test/flashchip ./test/statevolume ./images

# Processors are idle much of the time while tests wait for disks and clocks. What never waits works then, and makes way for them.
.PHONY: test-waiting test-computing
test: test-packages build
	+@$(MAKE) --no-print-directory -j3 test-waiting test-computing
test-waiting:
	+@$(MAKE) --no-print-directory test-pure
	+@$(MAKE) --no-print-directory test-machines-at-work test-machines-and-disks
test-computing:
	+@nice $(MAKE) --no-print-directory lint
	+@nice $(MAKE) --no-print-directory test-big-endian

# All but the machines. Some wait most of the time.
test-pure: test-packages
	$(GO) test -p 4 -timeout 60m -skip '$(RELEASES)' $$($(GO) list ./... | grep -v -x -F -e bantam/test/lint $(foreach p,$(MACHINES:./%=bantam/%),-e $(p)))

# Routers are big-endian mips and little-endian mips without a floating-point unit. -short: one in five of the power cuts and
# damages that test-pure tries all of.
test-big-endian: test-packages
	GOARCH=mips GOMIPS=softfloat $(GO) test -timeout 60m -short -vet=off -exec qemu-mips $(PURE)
	GOARCH=mipsle GOMIPS=softfloat $(GO) test -timeout 60m -short -vet=off -exec qemu-mipsel $(PURE)

# One machine takes one core: two at a time, in halves of about the same length.
DISKS   = TestPowerCut|TestBoot|Slot|TestGenerations|TestAnImport|TestAMachineStarts|TestADeviceFlashesItself
KERNELS = TestAnotherKernel|TestOwnKernel
BOARDS  = TestBoard|TestAMachineServes|TestAMachineMakesLinks|TestAHouseLeavesByATunnel|TestAHouseBehindASession|TestAMachineShapes|TestAHouseHasWiFi|TestAHouseWithGuests
RELEASES = OtherReleases
.PHONY: test-machines-at-work test-machines-and-disks test-kernels test-boards test-releases
test-machines: test-packages build
	+@$(MAKE) --no-print-directory -j2 test-machines-at-work test-machines-and-disks
test-machines-at-work:
	$(GO) test -timeout 60m -skip '$(DISKS)|$(KERNELS)|$(BOARDS)' ./test
test-machines-and-disks:
	$(GO) test -p 1 -timeout 60m ./test/statevolume ./images
	$(GO) test -timeout 60m -run '$(DISKS)' ./test

# From a kernel of Debian to another and back, with those that never come up; a quarter of an hour. Then the kernels that boards have
# of their own, which take as long again to build where the cache has none.
test-kernels: test-packages build device-mips device-mipsle
	$(call need,$(KERNEL_PACKAGES) $(UBOOT_PACKAGES))
	nice $(GO) test -timeout 120m -run '$(KERNELS)' ./test
	nice $(GO) test -timeout 30m ./test/flashchip

# Clients that other releases of Debian have, for which lists and packages of these are fetched.
test-releases: test-packages
	$(GO) test -count=1 -run '$(RELEASES)' ./init/sshd

# What boot loaders do with slots that are damaged or do not start, GRUB and U-Boot: a few minutes each. Then every board of which there
# is an SD card: built, looked at, and started where QEMU has its machine. Then a PC that is installed by UEFI, and despite power cuts.
# And routers whose kernel has what this host's need not have: many kinds of links, tunnels, sessions. BOARD=NAME: that board's tests alone.
test-boards: test-packages build device-arm
	$(call need,$(UBOOT_PACKAGES))
	$(if $(filter-out file default,$(origin BOARD)),TEST_BOARD=$(BOARD) )$(GO) test -count=1 -timeout 120m -run '$(BOARDS)' ./test

# Every architecture that a board may have.
.PHONY: cross
cross: small-std
	@GOARCH=amd64 $(DEVICE) -o out/cross/amd64 ./init
	@GOARCH=arm64 $(DEVICE) -o out/cross/arm64 ./init
	@GOARCH=arm GOARM=7 $(DEVICE) -o out/cross/armhf ./init
	@GOARCH=mips GOMIPS=softfloat $(DEVICE) -o out/cross/mips ./init
	@GOARCH=mipsle GOMIPS=softfloat $(DEVICE) -o out/cross/mipsle ./init
	@GOARCH=riscv64 $(DEVICE) -o out/cross/riscv64 ./init
	@$(DROP_LINES) $(addprefix out/cross/,amd64 arm64 armhf mips mipsle riscv64)
	@ls -l out/cross

bench: build
	$(call need,$(BENCH_PACKAGES))
	@$(GO) test -run '^$$' -bench Switch -benchtime 50x ./switcher
	@CGO_ENABLED=0 $(GO) test -run '^$$' -bench FirstAddress -benchtime 50x ./netcfg
	@CGO_ENABLED=0 $(GO) test -run '^$$' -bench ManyLinks -benchtime 5x ./netcfg
	@CGO_ENABLED=0 $(GO) test -run '^$$' -bench Answers -benchtime 20000x ./netcfg/dnssockets
	@CGO_ENABLED=0 $(GO) test -run '^$$' -bench Request -benchtime 3000x ./netcfg/netserve
	@CGO_ENABLED=0 $(GO) test -run '^$$' -bench Forward -benchtime 300x ./netcfg
	@$(GO) run ./test/bench

# Time and memory of the job against what is recorded; half a minute. Nothing is compared with another QEMU or kernel than those recorded.
.PHONY: bench-check
bench-check: bin/bantam device
	$(call need,qemu-system-x86 xz-utils zstd)
	@$(GO) run ./test/bench check

size: image
	@bin/bantam size --board $(BOARD)
	@$(GO) test -count=1 -v -run TestDeviceBinary ./test/lint | grep bytes

# What files of the device binary cost, packed, with all that only they use: OF='^netcfg/'. For the processor of BOARD.
.PHONY: cost
cost: small-std
	$(call need,xz-utils)
	@$(GO) run ./cmd/hollow bin/overlay/overlay.json bin/hollow '$(OF)'
	@for overlay in bin/overlay bin/hollow; do \
		GOARCH=$(ARCH) GOARM=7 GOMIPS=softfloat $(subst bin/overlay/,$$overlay/,$(DEVICE)) -o bin/hollow/bantam ./init && $(DROP_LINES) bin/hollow/bantam && \
		echo "$$overlay: $$(xz -9e --check=crc32 -c bin/hollow/bantam | wc -c) bytes packed, $$(stat -c %s bin/hollow/bantam) unpacked" || exit 1; done

# Vet with the flags of `cross` needs nothing compiled anew.
lint: device cross
	$(call need,xz-utils)
	DEVICE_FLAGS="-trimpath $(GCFLAGS)" $(GO) test -count=1 -timeout 60m ./test/lint

clean:
	rm -rf bin out
