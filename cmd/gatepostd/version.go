package main

import (
	"runtime"
	"runtime/debug"
)

// version is set by the Makefile: git describe.
var version string

// versionNumber returns what was built: the version given to the linker, else
// that of the module.
func versionNumber() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

func versionText() string {
	return versionNumber() + " (" + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + ")"
}
