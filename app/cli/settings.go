package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/app/config"
)

// settings are the flags of commands that read a server's configuration.
type settings struct {
	file string
	set  []string
}

func (o *settings) bind(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.file, "config", "c", "", "configuration file, TOML or YAML")
	cmd.Flags().StringArrayVar(&o.set, "set", nil, "set a key, e.g. --set server.address=127.0.0.1:7480; aion config reference lists them")
}

// input is where the configuration comes from. Values in more are weaker than --set and stronger than all else.
func (o *settings) input(env []string, more map[string]string) (config.Input, error) {
	flags := map[string]string{}
	for k, v := range more {
		flags[k] = v
	}
	for _, entry := range o.set {
		key, value, ok := strings.Cut(entry, "=")
		if !ok || key == "" {
			return config.Input{}, usageError{fmt.Errorf("--set %q: must be key=value, e.g. --set log.level=debug", entry)}
		}
		flags[key] = value
	}
	return config.Input{File: o.file, Env: env, Flags: flags}, nil
}

// load reads and checks the configuration.
func (o *settings) load(env []string, more map[string]string) (config.Effective, error) {
	in, err := o.input(env, more)
	if err != nil {
		return config.Effective{}, err
	}
	return config.Load(in)
}
