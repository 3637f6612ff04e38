package pid1

import (
	"context"

	"bantam/init/control"
	"bantam/switcher"
)

// importRequest is what a client has found elsewhere.
func importRequest(req control.Request) switcher.ImportRequest {
	return switcher.ImportRequest{Manifest: req.Manifest, Signed: req.Signed, Downgrade: req.Downgrade}
}

// checkImport answers what has to be loaded for a generation.
func (p *initProcess) checkImport(req control.Request) control.Frame {
	if req.Wipe { // a flash, that will ask for that
		if _, err := p.machine.state.keepPaths(req.Names); err != nil {
			return failure(err)
		}
	}
	check, err := p.switcher.CheckImport(importRequest(req))
	if err != nil {
		Logf(Notice, "import: refused: %v", err)
		return failure(err)
	}
	Logf(Notice, "import: %s: %s", switcher.DigestOf(req.Manifest).Short(), check.Note)
	return control.Reply(check)
}

// takeImport makes a generation one of this machine's. It goes on when the client has left.
func (p *initProcess) takeImport(req control.Request) control.Frame {
	got, err := p.switcher.Import(context.Background(), importRequest(req))
	if err != nil {
		Logf(Notice, "import: %v", err)
		return failure(err)
	}
	if got.Number != 0 && !got.Known {
		Logf(Notice, "import: generation %d", got.Number)
	}
	return control.Reply(got)
}

// export answers where the blobs of a generation can be read.
func (p *initProcess) export(number int) control.Frame {
	x, err := p.switcher.Export(number)
	if err != nil {
		return failure(err)
	}
	for i := range x.Blobs {
		here := &x.Blobs[i]
		if here.Path != "" {
			continue
		}
		if here.MediaType == switcher.LayerType && p.machine.layers != nil {
			place, err := p.machine.layers.place(treeLayer(here.Descriptor))
			if err != nil {
				here.Fault = err.Error()
				continue
			}
			here.Path, here.Offset, here.Fault = place.Path, place.Offset, ""
		}
	}
	return control.Reply(x)
}
