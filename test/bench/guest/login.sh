#!/bench/busybox sh
# Runs in Bantam once it is at rest: dropbear beside Bantam's own SSH server, for the same user with the same shell. The clock of
# the machine jumps over the pauses.
exec >/dev/ttyS0 2>&1
b=/bench/busybox
$b sleep 5
echo
$b mkdir -p /etc/dropbear /root/.ssh
$b cp /bench/key.pub /root/.ssh/authorized_keys
$b chmod -R go= /root/.ssh
/bench/dropbear -R -s -p 127.0.0.1:2222
/bench/login /bench/key bantam=22 dropbear=2222
$b dmesg
echo 'bench: over'
$b sleep 1
$b poweroff -f
