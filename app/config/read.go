package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"github.com/aionrun/aion/domain/fault"
)

// envPrefix begins every environment variable of ours.
const envPrefix = "AION_"

// clientVariables are read by the client, the worker and the command line, never by the server; clientPrefix begins more of them.
var clientVariables = []string{"AION_ADDRESS", "AION_NAMESPACE", "AION_TOKEN", "AION_TOKEN_FILE"}

const clientPrefix = "AION_TLS_"

// Input is where values come from, the weakest first. The zero Input gives the defaults.
type Input struct {
	// File is a TOML or YAML file, by its extension; empty for none.
	File string
	// Env is the environment as os.Environ gives it.
	Env []string
	// Flags are values from the command line, by key.
	Flags map[string]string
}

// Effective is a configuration together with where each value came from.
type Effective struct {
	Config Config
	// Entries has one entry for each key, in the order of Keys.
	Entries []Entry
}

// Entry is one value in use.
type Entry struct {
	Key    string
	Value  string // as TOML, secrets masked
	Source string // "default", "file aion.toml", "environment AION_LOG__LEVEL", "flag"
}

// Load reads and validates: what a server is started with. Its errors name everything that is wrong, not only the first.
func Load(in Input) (Effective, error) {
	e, err := Read(in)
	if err != nil {
		return e, err
	}
	return e, e.Config.Validate()
}

// Read takes each value from the strongest source that has it and checks it by itself; Config.Validate checks how the values
// fit together and to this machine. Its error, of the reason InvalidInput, names every value that cannot be read.
func Read(in Input) (Effective, error) {
	var found problems
	layers := []layer{fileLayer(in.File, &found), envLayer(in.Env, &found), flagLayer(in.Flags, &found)}
	var e Effective
	for _, k := range keys {
		raw, source := any(k.Default), func(Key) string { return "default" }
		for _, l := range layers {
			if l.values.Exists(k.Name) {
				raw, source = l.values.Get(k.Name), l.source
			}
		}
		if err := k.set(&e.Config, raw); err != nil {
			found.add(Fault(k.Name, "%s, not %s (%s)", err, k.show(raw), source(k)))
			continue
		}
		e.Entries = append(e.Entries, Entry{k.Name, k.get(&e.Config), source(k)})
	}
	return e, found.err()
}

// layer is one source of values.
type layer struct {
	values *koanf.Koanf
	source func(Key) string
}

// newLayer loads a source.
func newLayer(p koanf.Provider, parser koanf.Parser, source func(Key) string) (layer, error) {
	l := layer{koanf.New("."), source}
	return l, l.values.Load(p, parser)
}

func fileLayer(name string, found *problems) layer {
	source := func(Key) string { return "file " + name }
	empty := layer{koanf.New("."), source}
	var parser koanf.Parser
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case name == "":
		return empty
	case ext == ".toml":
		parser = toml.Parser()
	case ext == ".yaml" || ext == ".yml":
		parser = yaml.Parser()
	default:
		found.add(fault.Invalidf("configuration file %s: its name must end in .toml, .yaml or .yml", name))
		return empty
	}
	l, err := newLayer(file.Provider(name), parser, source)
	if err != nil {
		found.add(fault.Wrap(fault.InvalidInput, err, "configuration file %s%s", name, position(err)))
		return empty
	}
	for _, k := range l.values.Keys() {
		if _, known := keyNamed(k); !known && !isEmptySection(k, l.values.Get(k)) {
			found.add(fault.Invalidf("configuration file %s: unknown key %s; the nearest known one is %s", name, k, nearest(k, names())))
		}
	}
	return l
}

// position gives the line of a parser's error that has one.
func position(err error) string {
	var at interface{ Position() (row, column int) }
	if !errors.As(err, &at) {
		return ""
	}
	row, column := at.Position()
	return fmt.Sprintf(", line %d, column %d", row, column)
}

// isEmptySection says whether a file only opened a section and put nothing in.
func isEmptySection(name string, value any) bool {
	if table, ok := value.(map[string]any); value != nil && (!ok || len(table) > 0) {
		return false
	}
	return slices.ContainsFunc(keys, func(k Key) bool { return strings.HasPrefix(k.Name, name+".") })
}

func envLayer(environ []string, found *problems) layer {
	byVariable := map[string]string{}
	for _, k := range keys {
		byVariable[k.Variable()] = k.Name
	}
	l, err := newLayer(env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(variable, value string) (string, any) {
			name, known := byVariable[variable]
			if !known && !slices.Contains(clientVariables, variable) && !strings.HasPrefix(variable, clientPrefix) {
				candidates := append(slices.Sorted(maps.Keys(byVariable)), clientVariables...)
				found.add(fault.Invalidf("environment variable %s is unknown; the nearest known one is %s", variable, nearest(variable, candidates)))
			}
			return name, value
		},
	}), nil, func(k Key) string { return "environment " + k.Variable() })
	found.add(err)
	return l
}

func flagLayer(flags map[string]string, found *problems) layer {
	values := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if _, known := keyNamed(name); !known {
			found.add(fault.Invalidf("a flag sets the unknown key %s; the nearest known one is %s", name, nearest(name, names())))
			continue
		}
		values[name] = flags[name]
	}
	l, err := newLayer(confmap.Provider(values, "."), nil, func(Key) string { return "flag" })
	found.add(err)
	return l
}

func names() []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.Name
	}
	return out
}

// show prints a value that could not be read.
func (k Key) show(raw any) string {
	text, isText := raw.(string)
	switch {
	case raw == nil:
		return "nothing"
	case k.Secret() && !isText:
		return hidden
	case k.Secret():
		return strconv.Quote(k.mask(text))
	case isText:
		return strconv.Quote(text)
	}
	return fmt.Sprint(raw)
}
