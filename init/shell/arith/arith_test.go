package arith

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

type variables map[string]string

func (v variables) Get(name string) (string, error) { return v[name], nil }
func (v variables) Set(name, value string) error    { v[name] = value; return nil }

// expressions are computed here and by bash, which also knows ** and base#digits.
const expressions = `1+2*3
(1+2)*3
-7/2
-7%3
2**3**2
- - 1
!0+!5
~5
1<2==1
1?2:3
0?2:0?3:4
x=5
x=5,x+=2,x
x=3,y=x++ + ++x,y*100+x
x=1,x--,x
0&&(x=1),x
1||(x=1),x
0x1F+010+16#ff+2#101
1<<63
1<<64
9223372036854775807+1
-9223372036854775807-1
1 ? 2 , 3 : 4
x=y=4,x+y
z+1
7&3|8^1
5>=5!=1
10>>1<<2
(x=2)*x
x=7,x%=4,x<<=3,x|=1,x^=2,x&=27,x>>=1,x/=2,x-=1,x*=9
08
1/0
1%0
1+
(1
1)
5=3
1 2
3#5
x y
a.b
1++`

func TestExpressionsAreWhatBashMakesOfThem(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal("bash is missing: apt-get install bash")
	}
	for line := range strings.SplitSeq(expressions, "\n") {
		out, err := exec.Command(bash, "-c", "echo $(("+line+"))").Output()
		want := strings.TrimSpace(string(out))
		value, evalErr := Eval(line, variables{})
		if (err != nil) != (evalErr != nil) || err == nil && strconv.FormatInt(value, 10) != want {
			t.Errorf("%s: got %d, %v, bash says %q, %v", line, value, evalErr, want, err)
		}
	}
}

func TestAVariableThatNamesItselfIsAnErrorAndNotTheEnd(t *testing.T) {
	for _, text := range []string{"x", strings.Repeat("(", 100_000), strings.Repeat("-", 100_000) + "1", strings.Repeat("1?", 100_000), strings.Repeat("!", 100_001)} {
		if _, err := Eval(text, variables{"x": "x+1"}); err == nil {
			t.Errorf("%.10s...: no error", text)
		}
	}
}

func FuzzEvalReturns(f *testing.F) {
	for line := range strings.SplitSeq(expressions, "\n") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) { Eval(text, variables{"a": "1+b", "b": "a", "x": "7"}) })
}
