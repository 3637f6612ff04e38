#!/bin/sh
# Runs as init. Both slots get the first version, with its index of blocks, as a device has them that is updated for the third time.
. /etc/early
. /etc/written
exec >/dev/ttyS0 2>&1
echo
mkdir -p /data /mnt /run/rauc
mount -t ext4 /dev/nvme0n1p1 /data
mount -t ext4 -o ro /dev/vda /mnt
export DBUS_SESSION_BUS_ADDRESS=unix:path=/run/bus DBUS_STARTER_BUS_TYPE=session
dbus-daemon --config-file=/etc/bus.conf --nofork --nopidfile &
until [ -S /run/bus ]; do sleep 0.1; done
# serve SLOT: the service, which takes itself to have been started from that slot.
serve() {
	[ -z "$service" ] || { kill "$service"; wait "$service"; }
	rauc --override-boot-slot="$1" service >/tmp/service 2>&1 &
	service=$!
	until rauc status >/dev/null 2>&1; do sleep 0.1; done
}
serve B
rauc install /mnt/first.raucb || cat /tmp/service
serve A
rauc install /mnt/first.raucb
written package rauc install /mnt/package.raucb
cat /tmp/service
serve B
rauc install /mnt/package.raucb
serve A
written initrd rauc install /mnt/initrd.raucb
dmesg
echo 'bench: over'
sleep 1
poweroff -f
