package pid1

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"bantam/init/control"
	"bantam/system"
)

// removeLimit is how long a folder with all its files may take to be removed; what is left is for the next boot.
const removeLimit = 10 * time.Minute

// stateFolders answers which folders last, and who uses each.
func (p *initProcess) stateFolders() control.Frame {
	paths, owners, err := p.machine.state.list()
	if err != nil {
		return failure(err)
	}
	sys, list := p.machine.runs(), []control.StateFolder{}
	for _, folder := range paths {
		f := control.StateFolder{Path: folder, Place: path.Join(foldersPath, folderName(folder)), User: strconv.Itoa(owners[folder])}
		for name, u := range sys.Users {
			if u.UID == owners[folder] {
				f.User = name
			}
			if u.Home == folder && u.HomeIn == system.HomeInState {
				f.UsedBy = append(f.UsedBy, "user "+name)
			}
		}
		switch owners[folder] {
		case 0:
			f.User = "root"
		case 65534:
			f.User = "nobody"
		case between:
			f.User = "being given to another user"
		}
		for name, service := range sys.Services {
			if slices.Contains(service.State, folder) {
				f.UsedBy = append(f.UsedBy, "service "+name)
			}
		}
		slices.Sort(f.UsedBy)
		list = append(list, f)
	}
	return control.Reply(list)
}

// removeState removes a folder that nothing that runs uses.
func (p *initProcess) removeState(req control.Request, c *control.Client) control.Frame {
	if len(req.Names) != 1 {
		return failure(errors.New("remove which folder?"))
	}
	folder := req.Names[0]
	paths, _, err := p.machine.state.list()
	if err != nil {
		return failure(err)
	}
	if !slices.Contains(paths, folder) {
		return failure(fmt.Errorf("%s is no folder that lasts; `bantam state` lists them", folder))
	}
	patience, over := context.WithTimeoutCause(context.Background(), removeLimit, fmt.Errorf("not done within %v", removeLimit))
	defer over()
	ctx, cancel := whileThere(patience, c)
	defer cancel()
	switch err := p.machine.state.remove(ctx, folder); {
	case errors.Is(err, errInUse):
		return failure(fmt.Errorf("%s is in use; take it out of its service's state first, and switch", folder))
	case err != nil:
		return failure(err)
	}
	Logf(Notice, "state %s was removed", folder)
	c.Write(control.Frame{Line: folder + " is removed"})
	return control.Frame{}
}
