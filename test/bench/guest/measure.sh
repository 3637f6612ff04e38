#!/bench/busybox sh
# Runs in Bantam once it is at rest: tells the memory of each process, and switches. The clock of the machine jumps
# over the pauses.
exec >/dev/ttyS0 2>&1
b=/bench/busybox
$b sleep 5
echo
for p in /proc/[0-9]*; do
	read -r name <$p/comm || continue
	while read -r key value unit; do
		case $key in Pss: | Pss_Anon:) echo "bench: $key $value ${p#/proc/} $name" ;; esac
	done <$p/smaps_rollup
done 2>/dev/null
for n in 1 2 3 4 5; do
	# The last one finds nothing to do.
	[ $n = 5 ] || $b sed "s/TURN = \"[^\"]*\"/TURN = \"$n\"/" /run/bantam/system.toml >/bench/draft
	$b mkdir -p /state/draft
	$b cp /bench/draft /state/draft/system.toml
	$b sleep 2
	echo "bench: switch $n begins" >/dev/kmsg
	/bin/bantam switch >/bench/said 2>&1
	status=$?
	echo "bench: switch $n ended $status" >/dev/kmsg
	$b cat /bench/said
done
$b dmesg
echo 'bench: over'
$b sleep 1
$b poweroff -f
