# Runs in Bantam. At its first boot it has no second disk, and ends.
exec >/dev/ttyS0 2>&1
sleep 3
echo
if [ -e /dev/vda ]; then
	mkdir -p /tmp/stick
	mount -t ext4 -o ro /dev/vda /tmp/stick
	written package.import bantam import /tmp/stick/package.tar
	written package.switch bantam switch 2
	written initrd.import bantam import /tmp/stick/initrd.tar
	written initrd.boot bantam boot 3
	dmesg
fi
echo 'bench: over'
sleep 1
poweroff
