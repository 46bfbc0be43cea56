package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// starts measures the time from a replica's start to its ready line, with migrated databases. It uses all cores.
func (b *bench) starts() error {
	for _, s := range services {
		if b.skip("start " + s.name) {
			continue
		}
		for range b.starting {
			p, err := b.replicas.start(b.cores, b.cores.all, s.name)
			if err != nil {
				return err
			}
			b.add("start "+s.name, millis(p.ready))
			p.stop()
		}
	}
	return nil
}

// estateStarts measures the time of `gatehouse up`, with an existing data folder, until it prints that it is ready.
func (b *bench) estateStarts() error {
	if b.skip("start estate") {
		return nil
	}
	data := filepath.Join(b.folder, "estate")
	if _, err := b.up(data); err != nil { // creates the folder
		return err
	}
	for range b.estates {
		took, err := b.up(data)
		if err != nil {
			return err
		}
		b.add("start estate", took.Seconds())
	}
	return nil
}

// up runs `gatehouse up` until it is ready, stops it, and returns the time to ready.
func (b *bench) up(data string) (time.Duration, error) {
	cmd := exec.Command(b.replicas.binary, "up", "--addr", "127.0.0.1:0", "--data", data)
	cmd.Env = environment()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	cmd.Stderr = cmd.Stdout
	began := time.Now()
	if err := b.cores.on(b.cores.all, cmd.Start); err != nil {
		return 0, err
	}
	var took time.Duration
	var said strings.Builder
	lines := bufio.NewScanner(out)
	for took == 0 && lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "Gatehouse is ready") {
			took = time.Since(began)
		}
	}
	_ = cmd.Process.Signal(syscall.SIGTERM) // its replicas end with it, however it ends
	_, _ = io.Copy(io.Discard, out)
	err = cmd.Wait()
	if took == 0 {
		return 0, errors.Join(fmt.Errorf("gatehouse up is not ready:\n%s", &said), err)
	}
	return took, err
}

// idle measures the memory of the replicas while they have no requests.
func (b *bench) idle() error { return b.memory("idle") }

// memory records the memory of each replica as the measure "memory <when> <service>".
func (b *bench) memory(when string) error {
	for _, s := range services {
		p := b.replicas.running[s.name]
		if p == nil {
			continue
		}
		all, own, err := p.resident()
		if err != nil {
			return err
		}
		b.add("memory "+when+" "+s.name, all)
		b.add("own memory "+when+" "+s.name, own)
	}
	return nil
}
