// Command aion is the server and its command line.
package main

import (
	"os"

	"github.com/aionrun/aion/app/cli"
)

func main() { os.Exit(cli.Run(cli.OS())) }
