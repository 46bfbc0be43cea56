package main

import "runtime/debug"

// buildVersion is the name of this build, set by go build -ldflags "-X main.buildVersion=v1.2".
var buildVersion string

// version returns the name of this build, else the commit that it was built from, else "devel".
func version() string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case buildVersion != "":
		return buildVersion
	case !ok:
		return "devel"
	}
	revision, changed := "devel", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 7:
			revision = s.Value[:7]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+"
		}
	}
	return revision + changed
}
