package pid1

import (
	"net"
	"os"
	"path/filepath"

	"bantam/init/control"
	"bantam/netcfg"
	"bantam/netcfg/pppoe"
	"bantam/netcfg/pppoe/dial"
	"bantam/netcfg/wifi"
)

// prepareNetwork gives the network configurator the folder of its leases and
// the line of its reports, and listens to it.
func (p *initProcess) prepareNetwork() error {
	l, err := networkFolder(netDir, netReport, leaseDir)
	if err != nil {
		return err
	}
	if err := (Dir{dial.Sockets, 0o700}).Create(); err != nil {
		p.notes.add("%v", err)
	}
	p.machine.reports.Secret = p.networkSecret
	p.leases = newLeaseKeeper(leasesPath, netcfg.MaxRemembered)
	if text := p.leases.load(); text != "" {
		if err := p.machine.reports.Recall(text); err != nil {
			p.notes.add("network: %v", err) // it only costs the addresses of before
		}
	}
	if p.lasting() {
		p.machine.reports.Remember = p.leases.keep
		go Guard("remember leases", func() { p.leases.tend(leasesPause) })
	}
	go Guard("network status", func() { p.machine.reports.Serve(l, Guard) })
	return nil
}

// networkFolder makes the folder whose files everybody reads and only PID 1
// writes, in it the socket that only the configurator connects to, and the
// folder that is the configurator's own.
func networkFolder(dir, report, leases string) (*net.UnixListener, error) {
	sessions, radios := filepath.Join(dir, filepath.Base(pppoe.Folder)), filepath.Join(dir, filepath.Base(wifi.Folder))
	for _, d := range []Dir{{dir, 0o755}, {leases, 0o700}, {sessions, 0o755}, {radios, 0o755}} {
		if err := d.Create(); err != nil {
			return nil, err
		}
	}
	l, err := control.Listen(report, 0o600)
	if err != nil {
		return nil, err
	}
	for path, user := range map[string]int{leases: netcfgUser, report: netcfgUser, radios: wifiUser} {
		if err := os.Lchown(path, user, user); err != nil {
			l.Close()
			return nil, err
		}
	}
	return l, nil
}
