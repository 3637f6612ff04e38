package file

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sim is a file system in memory with one folder. It remembers what is not
// synced, so that after a power cut it can show every disk there may be. Each
// operation counts as a step at which it may fail or the power may go.
type sim struct {
	names   map[string]*simInode
	durable map[string]*simInode
	pending []func(map[string]*simInode) // changes of names since the last sync of the folder

	step int
	cut  int                                          // panic with powerCut from this step on; 0: never
	fail func(step int, op op) (half bool, err error) // half: of a write, half is there

	foreign  bool // nobody may change owners, as on vfat and for users who are not root
	sticky   bool // the file may be written, and not replaced
	clock    int64
	inodes   uint64
	failedOp op
	locking  func() // what another program does before the next lock
}

type op string

type powerCut struct{}

type simInode struct {
	number  uint64
	now     content
	safe    content
	pending []func(*content) // since the last sync
}

// content is what a sync of a file makes safe.
type content struct {
	data     []byte
	uid, gid int
	mode     uint32
	xattrs   map[string]string
	mtime    time.Time
}

func (c content) clone() content {
	c.data, c.xattrs = bytes.Clone(c.data), maps.Clone(c.xattrs)
	return c
}

func (c *content) write(p []byte, off int) {
	if missing := off + len(p) - len(c.data); missing > 0 {
		c.data = append(c.data, make([]byte, missing)...)
	}
	copy(c.data[off:], p)
}

const simDir = "/d"

func newSim() *sim {
	return &sim{names: map[string]*simInode{}, durable: map[string]*simInode{}, clock: 1e9}
}

// put makes a file that is safe already, under all these names.
func (s *sim) put(data string, mode uint32, xattrs map[string]string, names ...string) {
	c := content{data: []byte(data), uid: 7, gid: 8, mode: mode, xattrs: xattrs, mtime: time.Unix(0, 1)}
	s.inodes++
	i := &simInode{number: s.inodes, now: c, safe: c.clone()}
	for _, n := range names {
		s.names[simDir+"/"+n], s.durable[simDir+"/"+n] = i, i
	}
}

// do is one step.
func (s *sim) do(o op, path string) (half bool, err error) {
	s.step++
	if s.cut > 0 && s.step >= s.cut { // also what is deferred
		panic(powerCut{})
	}
	if s.fail != nil {
		if half, err = s.fail(s.step, o); err != nil {
			s.failedOp = o
			err = &fs.PathError{Op: string(o), Path: path, Err: err}
		}
	}
	return half, err
}

func (s *sim) change(f func(map[string]*simInode)) {
	f(s.names)
	s.pending = append(s.pending, f)
}

func (s *sim) Resolve(path string) (string, error) { return path, nil }
func (s *sim) Writable(string) error               { return nil }

func (s *sim) Stat(path string) (state, error) {
	if path == simDir {
		return state{mode: syscall.S_IFDIR | 0o755}, nil
	}
	i := s.names[path]
	if i == nil {
		return state{}, &fs.PathError{Op: "stat", Path: path, Err: syscall.ENOENT}
	}
	return s.state(i), nil
}

func (s *sim) state(i *simInode) state {
	links := uint64(0)
	for _, n := range s.names {
		if n == i {
			links++
		}
	}
	c := i.now
	return state{ino: i.number, size: int64(len(c.data)), mtime: c.mtime, links: links, uid: c.uid, gid: c.gid, mode: c.mode | syscall.S_IFREG}
}

func (s *sim) Open(path string, write bool) (handle, error) {
	if _, err := s.Stat(path); err != nil {
		return nil, err
	}
	if _, err := s.do("open", path); err != nil {
		return nil, err
	}
	return &simHandle{s, path, s.names[path]}, nil
}

func (s *sim) Create(path string, mode fs.FileMode) (handle, error) {
	if s.names[path] != nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: syscall.EEXIST}
	}
	if _, err := s.do("create", path); err != nil {
		return nil, err
	}
	s.inodes++
	c := content{mode: uint32(mode), xattrs: map[string]string{"user.default": "of the folder"}}
	i := &simInode{number: s.inodes, now: c, safe: c.clone()}
	s.change(func(m map[string]*simInode) { m[path] = i })
	return &simHandle{s, path, i}, nil
}

// Rename is two changes: what is not journaled may show one without the other.
func (s *sim) Rename(from, to string) error {
	if _, err := s.do("rename", from); err != nil {
		return err
	}
	if s.sticky && to == simPath {
		return &fs.PathError{Op: "rename", Path: from, Err: syscall.EPERM}
	}
	i := s.names[from]
	s.change(func(m map[string]*simInode) { m[to] = i })
	s.change(func(m map[string]*simInode) { remove(m, from, i) })
	return nil
}

func (s *sim) Remove(path string) error {
	if s.names[path] == nil {
		return &fs.PathError{Op: "remove", Path: path, Err: syscall.ENOENT}
	}
	if _, err := s.do("remove", path); err != nil {
		return err
	}
	i := s.names[path]
	s.change(func(m map[string]*simInode) { remove(m, path, i) })
	return nil
}

func remove(m map[string]*simInode, path string, i *simInode) {
	if m[path] == i {
		delete(m, path)
	}
}

func (s *sim) SyncDir(dir string) error {
	if _, err := s.do("sync folder", dir); err != nil {
		return err
	}
	s.durable, s.pending = maps.Clone(s.names), nil
	return nil
}

type simHandle struct {
	s    *sim
	path string
	i    *simInode
}

func (h *simHandle) Close() error { return nil }
func (h *simHandle) Lock() error {
	if meanwhile := h.s.locking; meanwhile != nil {
		h.s.locking = nil
		meanwhile()
	}
	return nil
}
func (h *simHandle) Stat() (state, error) { return h.s.state(h.i), nil }

func (h *simHandle) ReadAt(p []byte, off int64) (int, error) {
	if _, err := h.s.do("read", h.path); err != nil {
		return 0, err
	}
	return bytes.NewReader(h.i.now.data).ReadAt(p, off)
}

func (h *simHandle) change(f func(*content)) {
	h.s.clock++
	now := time.Unix(0, h.s.clock)
	for _, g := range []func(*content){f, func(c *content) { c.mtime = now }} {
		g(&h.i.now)
		h.i.pending = append(h.i.pending, g)
	}
}

// WriteAt is several changes: each of them may be lost.
func (h *simHandle) WriteAt(p []byte, off int64) (int, error) {
	half, err := h.s.do("write", h.path)
	if err != nil && !half {
		return 0, err
	}
	if half {
		p = p[:len(p)/2]
	}
	at := int(off)
	for part := range slices.Chunk(p, max(1, (len(p)+2)/3)) {
		part := bytes.Clone(part)
		from := at
		h.change(func(c *content) { c.write(part, from) })
		at += len(part)
	}
	return len(p), err
}

func (h *simHandle) Truncate(size int64) error {
	if _, err := h.s.do("truncate", h.path); err != nil {
		return err
	}
	h.change(func(c *content) {
		if int(size) <= len(c.data) {
			c.data = c.data[:size:size]
		} else {
			c.write(make([]byte, int(size)-len(c.data)), len(c.data))
		}
	})
	return nil
}

func (h *simHandle) Sync() error {
	if _, err := h.s.do("sync", h.path); err != nil {
		return err
	}
	h.i.safe, h.i.pending = h.i.now.clone(), nil
	return nil
}

func (h *simHandle) Xattrs() (map[string]string, error) {
	_, err := h.s.do("listxattr", h.path)
	return maps.Clone(h.i.now.xattrs), err
}

func (h *simHandle) attribute(o op, f func(*content)) error {
	if _, err := h.s.do(o, h.path); err != nil {
		return err
	}
	f(&h.i.now)
	h.i.pending = append(h.i.pending, f)
	return nil
}

func (h *simHandle) SetXattr(name, value string) error {
	return h.attribute("setxattr", func(c *content) { c.xattrs = maps.Clone(c.xattrs); c.xattrs[name] = value })
}

func (h *simHandle) RemoveXattr(name string) error {
	return h.attribute("removexattr", func(c *content) { c.xattrs = maps.Clone(c.xattrs); delete(c.xattrs, name) })
}

func (h *simHandle) Chown(uid, gid int) error {
	if h.s.foreign {
		return &fs.PathError{Op: "chown", Path: h.path, Err: syscall.EPERM}
	}
	return h.attribute("chown", func(c *content) { c.uid, c.gid, c.mode = uid, gid, c.mode&0o1777 })
}

func (h *simHandle) Chmod(mode uint32) error {
	return h.attribute("chmod", func(c *content) { c.mode = mode })
}

// eachDisk calls look with every disk that there may be when the power goes
// now: any subset of the changes of names, and of each file the synced bytes
// with none, all, the first few, all but one or only one of the later changes.
func (s *sim) eachDisk(look func(*sim)) {
	var inodes []*simInode
	for _, m := range []map[string]*simInode{s.names, s.durable} {
		for _, i := range m {
			inodes = append(inodes, i)
		}
	}
	for _, f := range s.pending { // also what is between two names
		m := map[string]*simInode{}
		f(m)
		for _, i := range m {
			inodes = append(inodes, i)
		}
	}
	slices.SortFunc(inodes, func(a, b *simInode) int { return int(a.number) - int(b.number) })
	inodes = slices.Compact(inodes)

	for subset := range 1 << len(s.pending) {
		names := maps.Clone(s.durable)
		for n, f := range s.pending {
			if subset>>n&1 == 1 {
				f(names)
			}
		}
		var each func(n int, now map[*simInode]content)
		each = func(n int, now map[*simInode]content) {
			if n == len(inodes) {
				look(s.after(names, now))
				return
			}
			i := inodes[n]
			if !slices.Contains(slices.Collect(maps.Values(names)), i) {
				each(n+1, now)
				return
			}
			for _, c := range i.left() {
				now[i] = c
				each(n+1, now)
			}
		}
		each(0, map[*simInode]content{})
	}
}

// left is every content that a power cut may leave of the file.
func (i *simInode) left() []content {
	n := len(i.pending)
	masks := map[uint64]bool{}
	for k := range n + 1 {
		masks[1<<k-1] = true // the first k
	}
	for k := range n {
		masks[1<<k] = true
		masks[(1<<n-1)&^(1<<k)] = true
	}
	var all []content
	for _, mask := range slices.Sorted(maps.Keys(masks)) {
		c := i.safe.clone()
		for k, f := range i.pending {
			if mask>>k&1 == 1 {
				f(&c)
			}
		}
		if !slices.ContainsFunc(all, func(o content) bool { return same(o, c) && o.mtime.Equal(c.mtime) }) {
			all = append(all, c)
		}
	}
	return all
}

func same(a, b content) bool {
	return bytes.Equal(a.data, b.data) && sameAttributes(a, b)
}

func sameAttributes(a, b content) bool {
	return a.uid == b.uid && a.gid == b.gid && a.mode == b.mode && maps.Equal(a.xattrs, b.xattrs)
}

// after is the machine that starts with such a disk.
func (s *sim) after(names map[string]*simInode, now map[*simInode]content) *sim {
	n := newSim()
	n.foreign, n.sticky, n.clock, n.inodes = s.foreign, s.sticky, s.clock, s.inodes
	fresh := map[*simInode]*simInode{}
	for path, i := range names {
		if fresh[i] == nil {
			fresh[i] = &simInode{number: i.number, now: now[i].clone(), safe: now[i].clone()}
		}
		n.names[path], n.durable[path] = fresh[i], fresh[i]
	}
	return n
}

// all is everything on the disk but the times.
func (s *sim) all() string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(s.names)) {
		i := s.names[path]
		fmt.Fprintf(&b, "%s %d %d:%d %o %q %q\n", path, i.number, i.now.uid, i.now.gid, i.now.mode, i.now.xattrs, i.now.data)
	}
	return b.String()
}

// list is what is in the folder.
func (s *sim) list() string {
	var all []string
	for path := range s.names {
		all = append(all, filepath.Base(path))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// bytesContent is a Content.
type bytesContent string

func (b bytesContent) Len() int { return len(b) }

func (b bytesContent) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, string(b))
	return int64(n), err
}
