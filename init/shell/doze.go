package shell

// Most consoles are looked at rarely, and a shell that waits for its first key takes 2 MB. So the shell of a console
// becomes a program of one page once its prompt is there; with the first key that becomes the shell again.

// Doze, where it is set, is called when the first prompt of an interactive shell is on its terminal, which hands out every
// byte as it comes, and nothing has been typed. It becomes a program that reads nothing, and becomes a shell with
// Woken set when there is something to read; it returns when it cannot.
var Doze func()

// Woken is set in a shell that follows on Doze: its terminal is as Doze has found it.
var Woken bool

// Typed is what was read of the terminal before a shell that follows on Doze.
var Typed []byte

// doze shows the prompt and becomes less than a shell, unless somebody is typing already.
func (con *console) doze() {
	con.measure()
	if len(con.ahead) > 0 || con.decoder.Pending() || con.raw() != nil {
		return
	}
	defer con.cooked()
	con.write(con.sh.prompt())
	Doze()
	con.write(startOfRow)
}

const startOfRow = "\r\x1b[K"
