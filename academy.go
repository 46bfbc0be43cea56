package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"gatehouse/apps/academy/lab"
)

// academyConfig is what a replica of the academy is told beside what every app is.
type academyConfig struct {
	appConfig  `embed:""`
	Lessons    string `env:"GATEHOUSE_LESSONS" help:"Folder of more lessons, Markdown files; one with the slug of a lesson that there is replaces it."`
	LabsMemory int64  `env:"GATEHOUSE_LABS_MEMORY" default:"2147483648" help:"Memory that all experiments of this replica may have together, in bytes."`
	LabHost    string `env:"GATEHOUSE_LAB_HOST" default:"127.0.0.1" help:"Host under which other replicas of the academy reach this one's experiments."`
}

// Validate implements kong's check.
func (c *academyConfig) Validate() error {
	return errors.Join(c.appConfig.Validate(), checkLessons(c.Lessons), checkLabsMemory(c.LabsMemory), checkLabHost(c.LabHost))
}

// checkLessons says what is wrong with the folder; what is wrong with a file in it is
// said when the lessons are read.
func checkLessons(folder string) error {
	if folder == "" {
		return nil
	}
	if _, err := os.ReadDir(folder); err != nil {
		return fmt.Errorf("--lessons: the folder %s can't be read: %w", folder, plain(err))
	}
	return nil
}

func checkLabsMemory(bytes int64) error {
	if bytes < lab.DefaultMemory {
		return fmt.Errorf("--labs-memory must be at least %d bytes, for one experiment", int64(lab.DefaultMemory))
	}
	return nil
}

func checkLabHost(host string) error {
	if net.ParseIP(host) == nil && !domainName.MatchString(host) {
		return fmt.Errorf("--lab-host %q is not the name of a host", host)
	}
	return nil
}
