#!/bench/busybox sh
# Runs in both machines once they are at rest, and tells the serial line what is
# asked there. The clock of the machine jumps over the pauses.
exec >/dev/ttyS0 2>&1
b=/bench/busybox
$b sleep 5
echo
$b mount -t tracefs tracefs /sys/kernel/tracing
# The two clocks of the kernel differ by what the firmware took.
echo 'bench: clocks' >/sys/kernel/tracing/trace_marker
echo 'bench: clocks' >/dev/kmsg
for p in /proc/[0-9]*; do
	read -r name <$p/comm || continue
	while read -r key value unit; do
		case $key in Pss: | Pss_Anon:) echo "bench: $key $value ${p#/proc/} $name" ;; esac
	done <$p/smaps_rollup
done 2>/dev/null
if [ -e /bench/switches ]; then
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
fi
$b dmesg
$b sed 's/^/bench-trace: /' /sys/kernel/tracing/trace
echo 'bench: over'
$b sleep 1
$b poweroff -f
