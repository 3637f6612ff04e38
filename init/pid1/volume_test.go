package pid1

import "testing"

// A boot loader that has read the kernel from a disk is proof of that disk: a card whose driver is late is waited for, and holds up no
// machine that was started from elsewhere.
func TestTheDiskOfABootLoaderIsWaitedForLonger(t *testing.T) {
	wait := func(cmdline string) (seconds float64) {
		return (&initProcess{cmdline: ParseCmdline(cmdline)}).volumeOptions().Wait.Seconds()
	}
	if got := wait("console=ttyS0 bantam.disk=x bantam.slot=A bantam.loader=u-boot"); got < 30 {
		t.Errorf("%v s: a card may take half a minute, as where a regulator's bus does not answer", got)
	}
	if got := wait("console=ttyS0 bantam.disk=x"); got > 10 {
		t.Errorf("%v s: nothing says that the disk is there at all", got)
	}
}
