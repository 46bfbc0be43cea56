package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/fleet/control"
)

// academyConfig configures a replica of the academy: the options of every app and its own.
type academyConfig struct {
	appConfig       `embed:""`
	academySettings `embed:""`
	LabHost         string `env:"GATEHOUSE_LAB_HOST" default:"127.0.0.1" help:"Host name at which other academy replicas reach this one's experiments."`
	ControlURL      string `env:"GATEHOUSE_CONTROL_URL" name:"control-url" help:"URL of the control API of gatehouse up, which sets it for its replicas."`
	ControlSecret   string `env:"GATEHOUSE_CONTROL_SECRET" help:"Secret of the control API."`

	control *control.Client // set by Validate; nil if this replica was not started by gatehouse up
}

// academySettings are the options that all replicas of the academy share.
type academySettings struct {
	Lessons    string `env:"GATEHOUSE_LESSONS" help:"Folder with more lessons (Markdown files) for the academy. A lesson with the slug of an existing one replaces it."`
	LabsMemory int64  `env:"GATEHOUSE_LABS_MEMORY" default:"2147483648" help:"Memory limit for all experiments of an academy replica together, in bytes."`
	LabsDisk   int64  `env:"GATEHOUSE_LABS_DISK" default:"4294967296" help:"Limit of temporary disk space for all experiments of an academy replica together, in bytes."`
}

// Validate implements kong's validation hook. It returns all errors joined.
func (c *academyConfig) Validate() error {
	wrong := []error{c.appConfig.Validate(), c.academySettings.check()}
	if net.ParseIP(c.LabHost) == nil && !domainName.MatchString(c.LabHost) {
		wrong = append(wrong, fmt.Errorf("--lab-host %q is not a host name", c.LabHost))
	}
	if c.ControlURL != "" {
		var err error
		if c.control, err = control.NewClient(c.ControlURL, c.ControlSecret); err != nil {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

// check returns an error if the lessons folder can't be read or a limit is too low. Errors in the lesson files
// themselves are reported when the lessons are loaded.
func (s academySettings) check() error {
	var wrong []error
	if s.Lessons != "" {
		if _, err := os.ReadDir(s.Lessons); err != nil {
			wrong = append(wrong, fmt.Errorf("--lessons: the folder %s can't be read: %w", s.Lessons, pathErrorCause(err)))
		}
	}
	if s.LabsMemory < lab.DefaultMemory {
		wrong = append(wrong, fmt.Errorf("--labs-memory must be at least %d, the limit of one experiment", int64(lab.DefaultMemory)))
	}
	if s.LabsDisk < lab.DefaultDisk {
		wrong = append(wrong, fmt.Errorf("--labs-disk must be at least %d, the limit of one experiment", int64(lab.DefaultDisk)))
	}
	return errors.Join(wrong...)
}

// env returns the settings as environment variables for a replica's process.
func (s academySettings) env() []string {
	return []string{
		"GATEHOUSE_LESSONS=" + s.Lessons, "GATEHOUSE_LABS_MEMORY=" + strconv.FormatInt(s.LabsMemory, 10),
		"GATEHOUSE_LABS_DISK=" + strconv.FormatInt(s.LabsDisk, 10),
	}
}
