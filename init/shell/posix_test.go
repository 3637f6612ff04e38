package shell

// posixScripts are cases of POSIX.1-2024, XCU chapter 2, by its sections. Each is also
// run by dash, see TestScriptsLikeDash: the table has no expectations of its own.
const posixScripts = `
echo a\ b 'c"d' "e'f" "g\h" "\$x \"q\""
----
x=5; echo "$x" '$x' "a${x}b" \$x "$(echo $x)" "$((x+1))"
----
echo "a
b"; echo a\
b
----
echo # a comment
echo a#b
----
alias hi='echo hello'
hi there
unalias hi
hi 2>/dev/null; echo $?
----
! false; echo $?; ! true && echo no; ! { false; }; echo $?
----
set -- a 'b c' ''; for i in "$@"; do echo "<$i>"; done; for i in $@; do echo "<$i>"; done; for i in "$*"; do echo "<$i>"; done; echo $#
----
set --; for i in "$@"; do echo "<$i>"; done; for i in "x$@y"; do echo "<$i>"; done; for i in "" "$@"; do echo "<$i>"; done
----
set -- a b; IFS=-; echo "$*"; IFS=; echo "$*"; unset IFS; echo "$*"
----
set -- 'a b' c; for i in x"$@"y; do echo "<$i>"; done
----
x='  a  b  '; for i in $x; do echo "<$i>"; done; for i in 1${x}2; do echo "<$i>"; done
----
IFS=:; x='a::b: c :'; for i in $x; do echo "<$i>"; done; x=':a'; for i in $x; do echo "<$i>"; done
----
IFS=' :'; x='a : b :: c'; for i in $x; do echo "<$i>"; done; x=' : '; for i in $x; do echo "<$i>"; done
----
IFS=:; set -- $(echo a:b); echo $#; x='a b:c'; for i in $x"d:e"; do echo "<$i>"; done
----
unset x; e=; echo "${x-1}" "${x:-2}" "${e-3}" "${e:-4}" "${x+5}" "${e+6}" "${e:+7}" "${x=8}" "$x" "${e:=9}" "$e"
----
unset x; for i in ${x:-a b "c d"}; do echo "<$i>"; done; for i in "${x:-a b}"; do echo "<$i>"; done; echo ${x:-'q q'} ${x:-"$HOME"}
----
(unset x; echo ${x?gone}; echo not reached); echo $?; (e=; echo ${e:?}; echo not reached); echo $?
----
x=abcabc; echo ${x#a*c} ${x##a*c} ${x%b*} ${x%%b*} ${x#x} ${x%"c"} "${x#*b}"
----
x='a*b"*b'; echo "${x%"*b"}" "${x#'a*'}" "${x%\"*}" ${x%%'*'*}
----
x='a]b/c\d'; echo "${x#*]}" "${x##*/}" "${x%/*}" "${x##*\\}"
----
x=/usr/local/lib; y='*'; echo "${x##$y/}" "${x##"$y"/}" "${x%/$y}"
----
x=ab; echo ${#x} ${#} ${#HOME}; set -- 1 2; echo ${#} $# ${1}${2}
----
echo $((1+2*3)) $(((1+2)*3)) $((7/2)) $((-7/2)) $((-7%3)) $((1<2)) $((2<=1)) $((1==1)) $((1!=1)) $((!0)) $((~5)) $((5&3)) $((5|3)) $((5^3)) $((1<<4)) $((256>>4))
----
x=3; echo $((x=x+1)) $x $((x+=2)) $x $((x*=3)) $((x-=1)) $((x/=2)) $((x%=3)) $((x<<=2)) $((x|=1))
----
echo $((1?2:3)) $((0?2:3)) $((1||0)) $((1&&0)) $((0x1f)) $((010)) $((1 ? 0 ? 1 : 2 : 3))
----
x=1+2; echo $(($x*2)); unset u; echo $((u+1)); e=; echo $((e+1)) $(( -1 - -1 ))
----
x=0; echo $((0 && (x=1))) $x $((1 || (x=2))) $x
----
sh -c 'echo $((1/0)); echo not reached'; test $? != 0 && echo failed
----
sh -c 'm=08; echo $((m+1)); echo not reached'; test $? != 0 && echo failed
----
sh -c 'echo $((09)); echo not reached'; test $? != 0 && echo failed
----
echo $(echo a; echo b) "$(echo a; echo b)" "$(printf 'x\n\n\n')" $(echo "a b") ` + "`echo \\`echo nested\\``" + `
----
echo "$(echo "a b" '"' )" $(case x in x) echo in;; esac) "$(cat <<E
doc
E
)"
----
x=$(exit 3); echo $?; x=$(true) false; echo $?; x=1 y=$(exit 4); echo $?; echo $(exit 5) $?
----
mkdir d .h; touch .keep a b x d/.in d/out .h/f; echo [!x]* ; echo *; echo .k*; echo */*; echo .*/f; echo ?keep; echo [.]keep; echo d/[!x]*; echo ./*
----
touch .keep a; rm -- [!x]*; ls -A; x='[!x]*'; touch b; echo $x; set -f; echo *; set +f; echo *
----
touch 'a*b' axb; echo a\*b "a*b" a*b a'*'b; x='a\*b'; echo $x; echo [a]*
----
mkdir -p p/q p/.r; touch p/q/f p/.r/f; echo p/*/f p/.*/f; echo p//q/*; echo */; echo nomatch*; echo 'p'/q/"f"*
----
touch a-b a.b '[x' ']'; echo a[!.]b a[.-]b [[]x []] [[:alpha:]]* ; case '[' in [[]) echo br;; esac
----
HOME=/h; echo ~ ~/x "~" \~ a~ ~nosuchuser; x=~/a:~/b; echo $x; x=a:~; echo "$x"; echo x=~
----
echo x > f; echo y >> f; cat f; cat < f > g; cat g; : > f; cat f; echo z >| f; cat f; cat <> f
----
set -C; echo a > f; (echo b > f) 2>/dev/null; echo $? ; cat f; echo c >| f; cat f
----
exec 3> f; echo three >&3; exec 3>&-; cat f; exec 4< f; read l <&4; echo $l; (echo x >&3) 2>/dev/null || echo closed
----
{ echo out; echo err >&2; } 2>&1 >f | sed s/^/p:/; cat f
----
echo a 3>&1 >f 1>&3 3>&-; cat f; sh -c 'echo e >&2; echo o' 2>f; cat f
----
exec 5<<E
one
two
E
while read l <&5; do echo "$l"; done; cat < /nonexistent; echo $?
----
cat <<E; cat <<-F; cat <<'G'
$HOME \$HOME \a "q" $(echo s) $((1+1)) ` + "`echo b`" + `
E
	tabbed
		twice $((2))
	F
$HOME \$x
G
----
cat << 'a b' | tr a-z A-Z
text
a b
cat <<\E
$x
E
----
x=a; cat <<E
${x:-"q"} ${y:-'s'} "$x" '$x'
E
----
false | true; echo $?; true | false; echo $?; echo a | cat | cat; echo x | read v; echo "[$v]"
----
echo a | while read l; do x=$l; exit 3; done; echo $? "[$x]"
----
true && echo a || echo b; false && echo a || echo b; false || false || echo c; true && true && false; echo $?
----
(x=1; cd /; exit 2); echo $? "[$x]"; { x=2; }; echo $x; (exit 3) || echo $?
----
for i in 1 2; do echo $i; done; for i in; do echo none; done; echo $?; set -- p q; for i do echo $i; done; for i
do echo $i; done; echo $i
----
case ab in a) echo 1;; a?) echo 2;; *) echo 3;; esac; case x in (x) echo p;; esac; case y in x|y) echo or;; esac; case z in a) ;; esac; echo $?
----
case 'a*' in 'a*') echo q;; esac; p='a*'; case abc in $p) echo pat;; esac; case abc in "$p") echo no;; *) echo lit;; esac; case '' in '') echo empty;; esac
----
case / in [/]) echo s;; esac; case a/b in a*b) echo star;; esac; case .x in *) echo dot;; esac; case a] in a[]]) echo br;; esac; case '\' in '\') echo bs;; \\) echo no;; esac
----
if false; then echo a; elif true; then echo b; else echo c; fi; if false; then :; fi; echo $?; if ! true; then echo x; else echo y; fi
----
i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done; echo $?; until [ $i -le 0 ]; do i=$((i-1)); done; echo $i
----
n=0; while n=$((n+1)); [ $n -lt 3 ] || break; do :; done; echo $n $?
----
while [ ${i:-0} -lt 1 ]; do i=1; false; done; echo $?; while false; do :; done; echo $?; until true; do :; done; echo $?
----
for i in 1 2; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; done; done; for i in 1 2; do for j in a b; do break 2; done; done; echo $i$j; for i in 1; do break 9; done; echo $?
----
break; echo $?; f() { break; echo in; }; for i in 1 2; do f; echo $i; done
----
f() { echo "$# $1"; set -- x; echo $1; }; set -- a b; f q; echo "$# $1"; f() { return 3; }; f; echo $?; f() { false; }; f || echo $?
----
f() { x=in; local y=loc; echo $y; }; y=out; f; echo $x $y; f() (x=sub); f; echo $x; f() { echo redirected; } > file; f; cat file
----
f() { [ $1 -gt 0 ] || return 0; echo $1; f $(($1-1)); }; f 3; unset -f f; f 2>/dev/null || echo gone
----
f() { local x; x=1; g; echo $x; }; g() { x=2; }; x=0; f; echo $x; h() { local x=$1; [ $x = 0 ] || h $((x-1)); echo $x; }; h 2
----
x=1; x=2 true; echo $x; x=3 :; echo $x; f() { echo $x; }; x=4 f; x=5 sh -c 'echo $x'; x=6 eval 'echo $x'; echo $x
----
x=1 y=$x; echo "[$y]"; a=1 b=2 c=$a$b; echo $c; readonly r=1; (r=2; echo not reached) 2>/dev/null; echo $?
----
export A=1 B; B=2; sh -c 'echo $A $B'; export -- C=3; sh -c 'echo $C'; unset A; sh -c 'echo "[$A]"'; export D='a b' E=$D; echo "$E"
----
unset PWD OLDPWD HOME EDITOR VISUAL; A="it's"; export A; export -p | while read -r l; do case $l in *PATH*) ;; *) echo "$l";; esac; done; readonly A; readonly -p
----
x=1; unset x; echo "[$x]"; unset nosuch; echo $?; readonly q=1; (unset q; echo not reached) 2>/dev/null; echo $?
----
set -- a b c; shift; echo $*; shift 2; echo $#; (shift 1; echo not reached) 2>/dev/null; echo $?; (shift -1; echo not reached) 2>/dev/null; echo $?
----
(shift abc; echo not reached) 2>/dev/null; echo $?; (exit abc; echo not reached) 2>/dev/null; echo $?; (exit -1; echo not reached) 2>/dev/null; echo $?; (return x; echo not reached) 2>/dev/null; echo $?
----
(. ./missing; echo not reached) 2>/dev/null; echo $?; (. /missing; echo not reached) 2>/dev/null; echo $?; command . /missing 2>/dev/null; echo survived
----
sh -c 'set -Eeuo pipefail; false; echo REACHED'; echo $?
----
sh -c 'set -e; x=$((1/0)); echo REACHED' 2>/dev/null; test $? != 0 && echo ended
----
sh -c 'set -Q; echo REACHED' 2>/dev/null; echo $?; sh -c 'export 1a=b; echo REACHED' 2>/dev/null; echo $?; sh -c 'set -o nosuch; echo REACHED' 2>/dev/null; echo $?
----
sh -c 'readonly x=1; x=2; echo REACHED' 2>/dev/null; echo $?; sh -c 'echo ${x?}; echo REACHED' 2>/dev/null; echo $?; sh -c 'set -u; echo $x; echo REACHED' 2>/dev/null; echo $?
----
sh -c ': > /nonexistent/x; echo REACHED' 2>/dev/null; echo $?; sh -c 'exec 3< /nonexistent; echo REACHED' 2>/dev/null; echo $?; sh -c 'echo x > /nonexistent/y; echo $?' 2>/dev/null
----
sh -c 'exec nosuch; echo REACHED' 2>/dev/null; echo $?; sh -c 'eval "if"; echo REACHED' 2>/dev/null; echo $?; sh -c 'cd /nonexistent; echo on' 2>/dev/null
----
sh -c 'set -e; f() { false; echo in; }; f; echo REACHED'; echo $?; sh -c 'set -e; f() { false; echo in; }; f || echo or; f && echo and; if f; then echo if; fi; echo end'
----
sh -c 'set -e; false || true; ! true; false | true; x=$(false) || echo sub; (false) || echo par; while false; do :; done; echo end; (exit 4); echo REACHED'; echo $?
----
sh -c 'set -e; x=$(false); echo REACHED'; echo $?; sh -c 'set -e; echo $(false); echo on'; sh -c 'set -e; { false; }; echo REACHED'; echo $?; sh -c 'set -e; true && false; echo REACHED'; echo $?
----
sh -c 'set -e; false && true; echo on; case x in x) false;; esac; echo REACHED'; echo $?; sh -c 'set -e; for i in 1; do false; done; echo REACHED'; echo $?
----
sh -c 'set -e; eval false; echo REACHED'; echo $?; sh -c 'set -e; echo a | false; echo REACHED'; echo $?; sh -c 'set -e; command false; echo REACHED'; echo $?
----
sh -c 'set -u; echo ${x-d} $# $@; unset y; echo ${#y}; echo REACHED' 2>/dev/null; echo $?; sh -uc 'echo $(($x+1)); echo REACHED' 2>/dev/null; echo $?
----
set -a; v=1; sh -c 'echo $v'; set +a; w=1; sh -c 'echo "[$w]"'; sh -c 'echo $-' | grep -c e
----
set -- -a x; set -x 2>/dev/null; set +x; echo $1; set -; echo $#; set - z; echo $1; set -- --; echo $1
----
trap 'echo exit $?' EXIT; (echo sub); false
----
(trap 'echo sub exit' EXIT; echo in); trap 'echo out exit' 0; echo $(trap 'echo subst exit' EXIT); echo end
----
trap 'echo usr' USR1; kill -USR1 $$; echo after; trap - USR1; trap '' USR1; kill -USR1 $$; echo ignored; trap
----
trap 'echo term; trap - TERM' TERM; kill -TERM $$; echo alive; trap "echo 'it'" EXIT; trap; trap - EXIT; trap
----
trap 'exit' EXIT; (exit 3); exit 4
----
trap 'false; exit' EXIT; exit 5
----
f() { trap 'echo in f' USR2; }; f; kill -USR2 $$; (kill -USR2 $$); echo done
----
trap 'echo got; exit 3' TERM; (kill -TERM $$); sleep 1; echo not reached
----
sleep 0.05 & wait; echo $?; (exit 3) & wait $!; echo $?; sh -c 'exit 4' & p=$!; wait $p; echo $?; wait 99999; echo $?
----
{ echo list; exit 6; } & wait $!; echo $?; f() { echo fn; return 7; }; f & wait $!; echo $?; ! true & wait $!; echo $?
----
x=1; { x=2; echo $x; } & wait; echo $x; echo a & wait; cat & wait $!; echo $?
----
cd /; pwd; cd usr 2>/dev/null && pwd; cd - ; cd .; echo $PWD $OLDPWD; cd ..; pwd; (cd /nonexistent) 2>/dev/null; echo $?
----
mkdir d; cd -- d; cd -P ..; cd -L d; cd - > /dev/null; ln -s / root; cd root; pwd | sed 's,.*/,,'; cd -P .; pwd; cd ./usr/..; pwd
----
mkdir -p c/x; CDPATH=$PWD/c; cd x > out.txt; pwd | sed 's,.*/c,c,'; CDPATH=; cd nosuch 2>/dev/null; echo $?
----
command -v cd; command -v sh | sed 's,.*/,,'; command -v nosuch; echo $?; f() { :; }; command -v f; command echo a; echo() { printf 'mine\n'; }; command echo b; command -v if
----
type cd | sed 's/.* is//' > /dev/null; type nosuch > /dev/null 2>&1; echo $?; hash -r; echo $?; command; echo $?
----
eval; echo $?; eval 'x=1; echo $x'; eval echo '$x' '"a  b"'; eval 'f() { echo f; }'; f; eval exit 3; echo not reached
----
echo 'echo in $1; x=1; return 5; echo no' > s; . ./s; echo $? $x; PATH=$PATH:. ; . s; set -- arg; . ./s
----
while getopts ab:c o -a -bval -c rest; do echo "$o $OPTARG"; done; echo $OPTIND
----
set -- -ab val -- -c; while getopts ab: o; do echo "$o $OPTARG"; done; echo $OPTIND; shift $((OPTIND-1)); echo $*
----
set -- -x -b; while getopts :b: o; do echo "$o $OPTARG"; done; echo $OPTIND; OPTIND=1; set -- -ac; while getopts ac o; do echo $o; done
----
getopts ab o -- x; echo $? $o $OPTIND; OPTIND=1; getopts a o -z 2>/dev/null; echo $? $o "[$OPTARG]"; f() { getopts x o "$@"; echo $o; }; OPTIND=1; f -x
----
printf 'a b  c\n' | { read x y; echo "$x|$y"; }; printf 'a\\b c\\\nd\n' | { read x y; echo "$x|$y"; }; printf 'a\\b\n' | { read -r x; printf '%s\n' "$x"; }; printf 'x' | { read v; echo $? $v; }
----
printf ':a:b:\n' | { IFS=: read x y z; echo "$x|$y|$z"; }; printf 'a:b:\n' | { IFS=: read x y; echo "$x|$y"; }; printf '  a  \n' | { IFS= read x; echo "[$x]"; }; printf 'a\\ b c\n' | { read x y; echo "$x|$y"; }; read x < /dev/null; echo $?
----
umask 022; umask; (umask 077; umask; touch p; ls -l p | cut -c 1-10); umask; touch q; ls -l q | cut -c 1-10; umask -S
----
test a = a && echo 1; [ a != b ] && echo 2; [ ! a = b ] && echo 3; [ -z "" -a -n x ] && echo 4; [ 1 -lt 2 -o 2 -lt 1 ] && echo 5; [ ]; echo $?; [ "" ]; echo $?; [ -n ]; echo $?; [ ! ]; echo $?
----
[ 1 -lt x ] 2>/dev/null; echo $?; [ a 2>/dev/null; echo $?; test -f nosuch; echo $?; touch f; test -f f -a -r f; echo $?; [ "(" = "(" ]; echo $?; [ -d . ] && [ ! -s f ]; echo $?; [ ! ! a ]; echo $?
----
mkdir d; touch d/f; cd d; [ -f f ] && echo relative; (cd ..; [ -d d ] && echo sub); [ -e ../d ] && test f -ef ./f && echo same
----
true; echo $?; false; echo $?; :; echo $?; nosuch 2>/dev/null; echo $?; touch noexec; ./noexec 2>/dev/null; echo $?; . ./noexec; echo $?
----
((echo a) | cat); ( (echo b) ); (echo c; (echo d)); ((echo e); echo f) | cat; echo $((2*(1+2))) $((1)) $( (echo g) )
----
echo a; echo b & wait; { echo c; }; (echo d); if :; then echo e; fi; :
----
{ echo a; }; { echo b
}; (echo c
); if :
then echo d
fi
while :
do break
done
case x in
x) echo e
;;
esac
----
echo a &&
echo b ||
echo c; echo d |
cat
----
x=a:b; IFS=:; echo $x; y=$x; echo "$y"; z="$x"c; echo "$z"; case $x in a:b) echo same;; esac; for i in ${x}; do echo $i; done
----
f() { for i in 1 2 3; do [ $i = 2 ] && return 9; echo $i; done; }; f; echo $?; g() { while :; do break; done; echo after; }; g; h() { eval 'return 4'; echo no; }; h; echo $?
----
set -- 1 2 3; for i in "$@"; do shift; echo "$i $#"; done; set -- $(echo x y); echo $2; set -- "$@" z; echo $3 ${4-none}
----
echo ${x:=a} ${x:+b} ${x#a}c; echo "${x:+"quoted $x"}"; echo ${nosuch:-${x:-deep}} ${nosuch:-$(echo cmd)}; echo "${x:+'s'}"
----
a='x y'; b="$a"; echo $b "$b"; c=$a; echo "$c"; d=$(echo "p  q"); echo "$d"; e='*'; f=$e; echo "$f"
----
echo "a\
b"; printf '%s\n' \\ '\\' "\\" '\n' "\a" \a; printf '%s\n' "\\n" '$' "\$"
----
sh -c 'echo $0 $1 $#' zero one two; sh -s a b <<E
echo \$# \$1
E
echo 'echo $0 $*' > script; sh script p q
----
sh -c 'echo a; if'; test $? != 0 && echo failed; sh -c 'echo a
)'; test $? != 0 && echo failed; sh -c 'echo "open'; test $? != 0 && echo failed
----
f() { echo "$1"; }; f 'a	b'; IFS=,; f $(echo a,b); echo "a,b" | while IFS=, read -r p q; do echo "$p $q"; done
----
for f in *; do echo "$f"; done; touch 'x y'; for f in *; do echo "<$f>"; done; set -- *; echo $#; x=*; echo $x "$x"
----
i=0; while :; do i=$((i+1)); case $i in 1) continue;; 3) break;; esac; echo $i; done; echo $i
----
exec 3>&1; x=$(echo captured; echo direct >&3); echo "[$x]"; exec 3>&-; { echo a >&4; } 4>&1; (exec >f; echo to file); cat f
----
cat <<E | while read a b; do echo "$b $a"; done
1 2
3 4
E
----
while read l; do echo "$l"; cat > /dev/null; done <<E
first
second
E
----
sh -c 'kill -TERM $$; echo not reached'; echo $?; sh -c 'trap "" TERM; sh -c "kill -TERM \$\$; echo inherited"'
----
sh -c 'kill -INT $$; echo not reached'; echo $?
----
a=; unset b; echo -${a-${b?}}- -${b+${b?}}- -${a=${b?}}- -${a?${b?}}-; a=a b=; echo -${a:-${b?}}- -${b:+${b?}}- -${a:=${b?}}- -${a:?${b:?}}-
----
sh -c 'kill -USR1 $$; echo not reached'; echo $?; sh -c 'trap "" USR2; trap - USR2; kill -USR2 $$; echo not reached' ; echo $?; sh -c 'trap "echo q" QUIT; kill -QUIT $$; trap - QUIT; kill -QUIT $$; echo not reached'; echo $?
----
times > /dev/null; echo $?; x=$(ulimit -n); test -n "$x" && echo limit; (ulimit -n 64; sh -c 'ulimit -n')
----
x=äöü; echo ${x%ü} ${x#ä}; case ü in ü) echo same;; esac
----
f() { echo $LINENO > /dev/null; return; }; f; echo $?; PS4='+ '; (set -x; echo traced) 2>&1
----
unset x; x() { echo fx; }; x; unset x; x; unset -f x; x=v; unset -v x; echo "[$x]"
----
set -o errexit; set +o errexit; set -o noglob; echo *; set +o noglob; (set -n; echo not run); echo run
----
echo "${x-"a b"}" ${x-"a  b"} ${x-a\ b} "${x-a\}b}"; x='$y'; y=1; echo $x "$x"; eval "echo $x"
----
trap 'echo e' EXIT; sh -c 'exit 3'; f() { exit 7; }; f
----
: ${x:=default}; echo $x; : "${y:=a b}"; echo $y; : $((n=5)); echo $n; : > file; cat file; : && echo ok
----
printf '%s %s\n' a b c; printf '%d%%\n' 5; printf 'x\ty\n'; printf '%s' ''; printf '\n'; printf '%x %o %c\n' 255 8 abc; printf '%-5s|%5s|\n' a b
----
yes | head -n 1; seq 1 3 | while read i; do echo $i; done | tail -n 1; echo a | { cat; echo b; } | cat
----
x=$(cat <<E
a b
E
); echo "$x"; y=$(
echo c # comment )
); echo $y
----
set -- a b c d e f g h i j k; echo $10 ${10} ${11}; shift 9; echo $1 $2
----
echo one>f; cat<f; cat f|cat;echo two;(echo three);{ echo four;};echo 2>f; cat f; echo a2>f; cat f
----
a=1;b=2;echo $a$b;test $a -lt $b&&echo lt||echo ge; if test $a = 1;then echo yes;fi
----
echo x > f; exec < f; cat & wait; cat; { exec 4> g; echo a; } 5> h > i; echo b >&4; cat g i
----
mkdir -p a/d d; CDPATH=$PWD/a; CDPATH=:$CDPATH; cd d; pwd | sed 's,.*/,,'; command exec 5> f; echo x >&5; cat f; echo 'echo $?' > s; (exit 5); . ./s; : > e; (exit 1); . ./e; echo $?; command -v elif
----
readonly x=1; command eval 'x=2' 2>/dev/null; echo survived; (eval 'x=2'; echo not reached) 2>/dev/null; echo $?
`
