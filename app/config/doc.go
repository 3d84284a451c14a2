// Package config reads the server's configuration: defaults, then a TOML or YAML file, then environment variables
// AION_SECTION__KEY, then flags. One table (keys.go) says of each key what it means, what it may be and where it goes; the
// reference in the documentation and `aion config print` are made from it.
package config
