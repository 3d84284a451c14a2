package cli

// garbageRoom is how much more garbage may lie around in a server before it is collected.
const garbageRoom = 16 << 20

// ballast is memory that is never touched, so that the system never has to provide it. The collector counts it as in use, and runs when
// as much garbage as what is in use has come together: without it, a server whose runs need a few megabytes would collect dozens of times
// a second under load, which costs a sixth of its throughput. With a large heap it makes no difference.
var ballast []byte

// makeRoomForGarbage is for processes that are servers.
func makeRoomForGarbage() {
	if ballast == nil {
		ballast = make([]byte, garbageRoom)
	}
}
