package applet

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// oraclePackages says which Debian package has the tool that we compare with.
var oraclePackages = map[string]string{"awk": "mawk", "grep": "grep", "egrep": "grep", "fgrep": "grep", "sed": "sed", "find": "findutils", "xargs": "findutils", "hexdump": "bsdextrautils", "rev": "util-linux", "cmp": "diffutils", "test": "coreutils"}

// TestSameAsGNU runs our commands and GNU's on the same files and compares
// standard output, exit status and the files afterwards.
func TestSameAsGNU(t *testing.T) {
	for line := range strings.Lines(oracleCases) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		t.Run(line, func(t *testing.T) {
			command, input, _ := strings.Cut(line, " <<< ")
			input = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\0`, "\x00").Replace(input)
			args := splitCase(t, command)
			pkg := oraclePackages[args[0]]
			if pkg == "" {
				pkg = "coreutils"
			}
			tool := needTool(t, args[0], pkg)

			theirs := runCase(t, exec.Command(tool, args[1:]...), input)
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self, args[1:]...)
			cmd.Env = append(os.Environ(), "APPLET_TEST_RUN="+args[0])
			ours := runCase(t, cmd, input)

			if ours.out != theirs.out {
				t.Errorf("got output\n%q\nwant\n%q", ours.out, theirs.out)
			}
			if (ours.code == 0) != (theirs.code == 0) || ours.code < 2 && theirs.code < 2 && ours.code != theirs.code {
				t.Errorf("got status %d (%s), want %d (%s)", ours.code, ours.err, theirs.code, theirs.err)
			}
			if ours.files != theirs.files {
				t.Errorf("got files\n%s\nwant\n%s", ours.files, theirs.files)
			}
		})
	}
}

type caseResult struct {
	out, err, files string
	code            int
}

// runCase runs a command in a fresh folder with the usual files.
func runCase(t *testing.T, cmd *exec.Cmd, input string) caseResult {
	t.Helper()
	dir := t.TempDir()
	populate(t, dir)
	cmd.Dir = dir
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C", "TZ=UTC")
	cmd.Stdin = strings.NewReader(input)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return caseResult{out: out.String(), err: errOut.String(), files: listing(t, dir), code: cmd.ProcessState.ExitCode()}
}

// populate makes the files that the cases use, with fixed times.
func populate(t *testing.T, dir string) {
	t.Helper()
	files := map[string]string{
		"fruit":        "pear\napple\nfig\napple\nBanana\n",
		"numbers":      "10\n9\n2\n33\n1\n2\n",
		"table":        "b 2 x\na 10 y\nc 1 z\na 2 w\n",
		"colon":        "root:x:0:0\nbin:x:1:1\nplain\n",
		"noend":        "one\ntwo",
		"empty":        "",
		"code":         "int main() {\n\treturn 0; // the end\n}\nint foo_int;\na.b*c\n",
		"dir/inner":    "inner text\n",
		"dir/sub/deep": strings.Repeat("0123456789", 200),
		"dir/.hidden":  "h\n",
		"a space":      "blank\n",
		"bin":          "\x00\x01\x02abc\xff\xfe0123456789abcdef0123456789abcdef0123456789abcdef",
	}
	stamp := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		stamp = stamp.Add(time.Duration(len(name)) * time.Hour)
		if err := os.Chtimes(path, stampOf(name), stampOf(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("fruit", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "broken")); err != nil {
		t.Fatal(err)
	}
}

// stampOf is a fixed time that differs from file to file.
func stampOf(name string) time.Time {
	n := 0
	for _, b := range []byte(name) {
		n = n*31%100003 + int(b)
	}
	return time.Date(2020, 1, 1, 0, 0, n, 0, time.UTC)
}

// listing describes all files below dir: mode, name, content.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(dir, path)
		out.WriteString(info.Mode().String() + " " + name)
		switch {
		case info.Mode()&os.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			out.WriteString(" -> " + target)
		case info.Mode().IsRegular():
			text, _ := os.ReadFile(path)
			out.WriteString(" " + string(text[:min(200, len(text))]))
		}
		out.WriteString("\n")
		return nil
	})
	return out.String()
}

// splitCase splits a case like a shell would, without expansions.
func splitCase(t *testing.T, line string) []string {
	t.Helper()
	args, err := splitQuoted(line)
	if err != nil {
		t.Fatal(err)
	}
	return args
}

const oracleCases = `
cat fruit noend
cat -n fruit
cat - <<< typed\n
cat missing fruit
head -n 2 fruit
head -2 fruit
head -n -2 fruit
head -c 5 fruit
head -c -5 fruit
head -n1 fruit numbers
head -q -n1 fruit numbers
tail -n 2 fruit
tail -2 fruit
tail -n +3 fruit
tail -c 4 fruit
tail -c +4 fruit
tail -n 1 fruit noend
tail -n 0 fruit
tail -n 3 <<< a\nb\nc\nd\ne\n
wc fruit
wc -l fruit numbers
wc -w <<< a b  c\n
wc -c fruit
wc <<< a b\nc\n
sort fruit
sort -r fruit
sort -f fruit
sort -n numbers
sort -nr numbers
sort -nu numbers
sort -u fruit
sort -k 2n table
sort -k 1,1 -k 2,2n table
sort -k2,2nr table
sort -t : -k 3n colon
sort -s -k 1,1 table
sort -c numbers
sort noend fruit
sort -o fruit fruit
sort -h <<< 1K\n2M\n512\n3K\n
uniq fruit
uniq -c <<< a\na\nb\na\n
uniq -d <<< a\na\nb\na\n
uniq -u <<< a\na\nb\na\n
uniq -i <<< a\nA\nb\n
uniq -f 1 <<< 1 a\n2 a\n3 b\n
cut -d : -f 1 colon
cut -d : -f 1,3- colon
cut -d : -f 2 -s colon
cut -c 2-3 fruit
cut -b -2 fruit
cut -f 2 <<< a\tb\tc\n
tr a-z A-Z <<< hello\n
tr -d l <<< hello\n
tr -s l <<< hello\n
tr -cd '[:digit:]\n' <<< a1b2\n
tr -s '[:space:]' '\n' <<< a  b\t c\n
tr '[:upper:]' '[:lower:]' <<< ABc\n
tr abc x <<< aabbccd\n
tr -c a-z - <<< ab1c\n
grep apple fruit
grep -i banana fruit
grep -v apple fruit
grep -n apple fruit
grep -c apple fruit
grep -l apple fruit numbers
grep -L apple fruit numbers
grep -q apple fruit
grep nothing fruit
grep -o '[a-c]p*' fruit
grep -w int code
grep -F 'a.b*c' code
grep -E 'a+|fig' fruit
grep 'a\|fig' fruit
grep 'ap\+le' fruit
grep 'ap\{2\}le' fruit
grep 'a+' fruit
grep '^\(a\).*e$' fruit
grep '[[:upper:]]' fruit
grep '[]x]' <<< a]\nb\n
grep -x apple fruit
grep -r inner dir
grep -rn text dir
grep -h apple fruit link
grep -H apple fruit
grep -e pear -e fig fruit
grep -m 1 apple fruit
grep -A 1 fig fruit
grep -B 1 fig fruit
grep -C 1 pear fruit numbers
grep -A1 apple fruit
grep '*a' <<< *a\nba\n
grep -c x missing
grep -s x missing
grep abc bin
grep -i '\<INT\>' code
egrep '(a|b)' fruit
fgrep . code
sed s/a/X/ fruit
sed s/a/X/g fruit
sed 's/A/X/I' fruit
sed -n 2p fruit
sed -n '2,4p' fruit
sed -n '$p' fruit
sed 2d fruit
sed '/apple/d' fruit
sed '/pear/,/fig/d' fruit
sed -n '/apple/p' fruit
sed 's/\(p\)\(l\)/\2\1/' fruit
sed -E 's/(p+)l/[\1]/' fruit
sed 's/p/[&]/2' fruit
sed 's/p/[&]/2g' fruit
sed 's,a,/,g' fruit
sed -e 1d -e 's/f/F/' fruit
sed '2q' fruit
sed '2!d' fruit
sed 's/x*/-/g' <<< abc\n
sed '$!d' fruit
sed -n '1~2p' fruit
sed 'y/abc/xyz/' fruit
sed '2i\before' fruit
sed '2a after' fruit
sed '2c changed' fruit
sed -n '/fig/=' fruit
sed -i s/apple/plum/ fruit
sed -n '/a/{s/a/A/;p}' fruit
sed 's/$/!/' noend
sed '/fig/,$d' fruit
sed '2,1p' fruit
sed -n 'n;p' fruit
sed 's/a\|f/_/g' fruit
sed 5q fruit noend
sed 's/[/]/x/' <<< a/b\n
sed 's/a/\n/' <<< bab\n
find dir -name 'd*'
find dir -type f -name deep
find dir -maxdepth 1 -type d
find . -name '*.c' -o -name fruit
find dir -type d -name sub
find . -iname FRUIT
find dir -size +1k
find . -empty -type f
find . -newer fruit -name numbers
find dir -name deep -print0
find fruit -exec echo {} found ;
find dir/sub -exec echo {} +
find fruit numbers ! -name fruit
find dir -mindepth 2
find dir -name sub -prune -o -name inner -print
find . -type l -name link
find dir/sub -delete
find missing
find fruit -mtime +10
find fruit -perm 644
find fruit -perm -600
xargs echo <<< a b\nc\n
xargs -n 1 echo <<< a b\nc\n
xargs -I X echo <X> <<< a b\nc\n
xargs -0 echo <<< a b\0c\0
xargs -r echo <<< \n
xargs false <<< a\n
xargs echo <<< 'a b' c\n
basename /usr/lib/x.so .so
basename /
basename a/b/
dirname /usr/lib/x
dirname x
dirname /x
dirname a/b/ c
seq 5
seq 2 5
seq 5 -2 1
seq -w 8 11
seq -s , 3
seq -s, 3
seq -ws: 8 11
seq -ss -1 1
seq 0.5 0.5 2
seq 3 1
printf '%s-%d\n' a 1 b 2
printf '%5s|%-5s|%05d\n' a b 42
printf '%x %o %c\n' 255 8 xyz
printf 'a\tb\\\n'
printf '%b' 'x\ny\n'
printf '%.2f\n' 3.14159
printf '%s\n'
printf '%%\n'
printf '\101\n'
printf '%d\n' 0x1f
date -u -d @0
date -u -d '2024-02-29 12:34:56' '+%Y-%m-%d %H:%M:%S %j %a %b %s'
date -u -d @1000000000 +%F_%T_%e_%u_%V_%p_%I
date -u -d @86400 +%-d_%-H_%y_%C_%k
ls
ls -a dir
ls -A dir
ls -1 fruit numbers
ls -r
ls -S fruit numbers bin
ls -t fruit numbers bin code
ls -d dir
ls dir fruit
ls -R dir
ls -p
ls -F
ls missing
ls -l fruit
ls -ln fruit
ls -lh dir/sub/deep
ls -l link
cp fruit new
cp -r dir copy
cp fruit numbers dir
cp -a dir copy
cp fruit fruit
cp dir new
cp missing x
cp link new
cp -d link new
cp -p fruit new
cp fruit dir/inner
cp -r dir/. copy
mv fruit new
mv fruit numbers dir
mv fruit dir/inner
mv dir newdir
mv missing x
mv fruit missing/x
rm fruit
rm -r dir
rm dir
rm -f missing
rm missing
rm -rf dir missing
rm link
mkdir new
mkdir new/sub
mkdir -p new/sub/deep
mkdir -m 700 new
mkdir dir
mkdir -p dir
rmdir dir
rmdir missing
ln fruit hard
ln -s fruit soft
ln -s fruit link
ln -sf numbers link
ln -sfn dir link
ln -s ../fruit dir
ln missing x
chmod 600 fruit
chmod u+x fruit
chmod go-r,u=rw fruit
chmod a+X dir fruit
chmod -R go-rwx dir
chmod +x fruit
chmod u=rwx,g=u,o= fruit
chmod -x dir/inner
chmod 4755 fruit
chmod +t dir
chmod g+s dir
touch new
touch -c missing
readlink link
readlink fruit
realpath -e missing
truncate -s 3 fruit
truncate -s 1k new
tee out <<< data\n
tee -a fruit <<< more\n
dd if=fruit of=out bs=4 count=2 status=none
dd if=fruit of=out bs=1 skip=5 count=5 status=none
dd if=noend of=fruit bs=1 seek=2 conv=notrunc status=none
dd if=noend of=out bs=1 seek=4 status=none
dd bs=3 status=none <<< abcdefg\n
dd bs=4 conv=sync status=none <<< abcdefg\n
dd bs=2 skip=1 count=2 iflag=fullblock status=none <<< abcdefg\n
dd if=fruit of=out bs=3 skip=2 seek=1 conv=notrunc,fsync status=none
dd if=missing status=none
dd if=fruit bs=0
sha256sum fruit numbers
sha256sum <<< abc\n
sha256sum -c sums <<< x
hexdump bin
hexdump -C bin
hexdump -C fruit
hexdump -C -n 4 -s 2 fruit
hexdump -C empty
stat -c '%n %s %a %A %F %h' fruit dir link
touch -d @1000000000 dated; stat -c '%n %Y' dated
stat -c '%B %h %f %u %U %g %G %t %T|%10s|%-10n|%%' fruit dir link
stat -c '%y %Y' fruit
test -f fruit
test -d fruit
test a = b
test 3 -lt 10
test ! -e missing
test -n ''
test -z ''
test a = a -a b = b
test a = b -o b = b
test '(' a = a ')'
test -L link
test fruit -nt numbers
test 1 -eq x
env -i A=1 B=2
env -i A=1 printenv A
echo a b
echo -n a
echo -e 'a\tb\x41\0101'
echo -E 'a\tb'
true
false
uname
uname -s -m
nproc
id -u
id
whoami
printenv APPLET_MISSING
sync fruit
du -s missing
printf '%d %x\n' 9999999999999999999 18446744073709551615
printf -- '-%s\n' x
head -c 2 fruit numbers
head -c 2 -q fruit numbers
tr abc '[x*]' <<< aabbccd\n
tr a-d 'x[y*2]z' <<< abcd\n
tr -cs a-zA-Z '[\n*]' <<< two words, three\n
tr '[a-c]' '[x-z]' <<< [abc]\n
find . -perm -u+w,g+r -name fruit
find . -perm /o+w -type f
ln -sf fruit fruit
cp -d link fruit
cp -a link fruit
cp -a broken empty
mv link fruit
mv fruit fruit
mv fruit dir/inner/x
mv dir dir/sub
sed -s -n '$p' fruit numbers
sed -n '$p' fruit numbers
sed y/a/b/ bin
sed '0,/apple/d' fruit
sed 0d fruit
sed -i '/33/,/none/d' numbers fruit
sed -i 2q fruit numbers
sed -i s/a/b/
sed -n -e 'a text' -e n fruit
sed -E 's/\<[^x\]+\>/X/' code
grep -f empty fruit
grep -vf empty fruit
grep -E '\<int\>' code
grep -oE '[^/\]+' colon
grep -x '' empty noend
grep -r text dir
grep -r text ./dir/
grep -r apple link
grep -rc fig link fruit
grep -R text dir fruit
grep x dir
sort -n <<< 10.0.0.1\n9.0.0.1\n
sort -n <<< 1K\n2\n-3\n.5\n-0\n+1\nx\n1.50\n1.5\n-1.5\n-1.6\n010\n9\n
sort -h <<< 1K\n2\n-3\n1M\n-1K\n0\n3G\n2048\n0K\n
sort -nu <<< 12345678901234567891\n12345678901234567890\n1.50\n1.5\n
find . -type x
find . -type d,l
find . -perm ''
id sync
id -g man
id -Gn nobody
id nosuchuser
chmod a=rx fruit
wc noend bin empty
wc -l missing fruit
wc -L fruit
wc missing
md5sum fruit numbers
sha1sum fruit missing
sha512sum empty
md5sum -b fruit
sha256sum -c <<< d1\n
md5sum -c <<< d41d8cd98f00b204e9800998ecf8427e  empty\nd41d8cd98f00b204e9800998ecf8427e *fruit\nd41d8cd98f00b204e9800998ecf8427e  missing\n
md5sum -c --status <<< d41d8cd98f00b204e9800998ecf8427e  fruit\n
md5sum -c --quiet <<< d41d8cd98f00b204e9800998ecf8427e  empty\n
md5sum -c --ignore-missing <<< d41d8cd98f00b204e9800998ecf8427e  missing\n
md5sum -c <<< MD5 (empty) = d41d8cd98f00b204e9800998ecf8427e\n
md5sum -c <<< nonsense\nd41d8cd98f00b204e9800998ecf8427e  empty\n
base64 bin
base64 -w 0 bin
base64 -w 10 dir/sub/deep
base64 dir/sub/deep
base64 empty
base64 -d <<< aGVsbG8K
base64 -d <<< aGVs\nbG8K\n
base64 -d <<< YQ==YWI=
base64 -d <<< aGVs*bG8K
base64 -di <<< aGVs*bG8K
base64 -d <<< aGVsbG8
base64 -d <<< YQ=a
base64 --decode <<< YQ==\n
expr 1 + 2
expr 1 + 2 '*' 3
expr '(' 1 + 2 ')' '*' 3
expr 7 / 2
expr -7 % 3
expr 1 / 0
expr 1 - 1
expr a
expr ''
expr 0
expr -0
expr 00
expr a = a
expr a '<' b
expr 10 '<' 9
expr 10 '<' 9a
expr 2 '>=' 2
expr a '!=' a
expr '' '|' b
expr 0 '|' ''
expr a '|' b
expr a '&' b
expr a '&' 0
expr 1 '|' 1 / 0
expr 0 '&' 1 / 0
expr abc : 'a\(.\)c'
expr abc : 'b'
expr abc : '.*'
expr abc : 'x\(.\)'
expr abc : '\(x*\)'
expr a.b : '^[a-z]*\.'
expr /usr/lib/x.so : '.*/\(.*\)'
expr length abcd
expr substr abcdef 2 3
expr substr abc 9 1
expr index abcdef fd
expr match abc a.
expr + length = length
expr 1 +
expr 1 2
expr ')'
expr
expr 9223372036854775807 + 0
expr -- -1 + 2
expr +5 + 1
expr +5 = 5
cmp fruit fruit
cmp fruit numbers
cmp -s fruit numbers
cmp -l fruit link
cmp noend empty
cmp -n 3 fruit numbers
cmp -i 1 fruit fruit
cmp fruit missing
cmp fruit - <<< pear\napple\n
comm fruit fruit
comm fruit numbers
comm -12 numbers numbers
comm -3 noend - <<< one\nthree\n
comm -23 noend - <<< one\nthree\n
comm -13 noend - <<< one\nthree\n
comm empty noend
paste fruit numbers
paste -d : fruit numbers noend
paste -d ',;' fruit numbers noend
paste -s fruit noend
paste -sd , fruit
paste -d '\n' fruit numbers
paste -d '\0' fruit numbers
paste - - <<< 1\n2\n3\n
paste -s empty
paste empty noend
nl fruit
nl <<< a\n\nb\n
nl -ba <<< a\n\nb\n
nl -w 3 -s : -v 10 -i 5 fruit
nl -n ln fruit
nl -n rz -w 3 fruit noend
fold -w 10 dir/sub/deep
fold -w 4 code
fold -s -w 10 <<< the quick brown fox jumps over\n
fold -s -w 6 <<< a long-word here\n
fold -10 <<< a\tb\tc\n
fold -b -w 2 <<< a\tb\tc\n
fold noend
tac fruit
tac noend fruit
tac empty
rev fruit noend
od bin
od -c bin
od -An -tx1 bin
od -An -tx1 -N 4 -j 2 bin
od -A d -t u1 fruit
od -A x -t x4 bin
od -t x1z fruit
od -t d2 bin
od -t d8 bin
od -t u4 -t x1 bin
od -t x1 -t c bin
od -t x2 -t o1 -t a bin
od -b noend
od -x noend
od -d noend
od -v -w4 -t x1 <<< aaaaaaaaaaaaaaaa
od -w4 -t x1 <<< aaaaaaaaaaaaaaaa
od -t f4 bin
od -t fF -j 3 -N 8 bin
od -j 100 fruit
od fruit noend
od -tx1c noend
od empty
awk '{ print $2 }' table
awk -F: -v n=2 '{ print $n; exit 3 }' colon
awk -F ' ' 'END { print NR, FILENAME }' fruit n=1 numbers
awk -- 'BEGIN { print ARGV[1] }' -x
awk '{ print > $1 ".out" }' fruit
`
