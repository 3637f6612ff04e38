# written NAME COMMAND: what the command writes to the disk until all of it is there, in sectors, and how long that takes. What was read of the disk before is forgotten.
written() {
	name=$1
	shift
	sync
	echo 3 >/proc/sys/vm/drop_caches
	set_sectors
	before=$sectors
	echo "bench: update $name begins" >/dev/kmsg
	"$@" >/tmp/said 2>&1
	status=$?
	sync
	echo "bench: update $name ended $status" >/dev/kmsg
	set_sectors
	cat /tmp/said
	echo "bench: update $name wrote $((sectors - before)) sectors"
}
set_sectors() {
	read -r a a a a a a sectors a </sys/block/nvme0n1/stat
}
