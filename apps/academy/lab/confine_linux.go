package lab

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// unprivileged is the ID of the unprivileged user and group that a lab process started by root changes to.
const unprivileged = 65534

// errNamespace means that a lab process can't use the network namespace that it was started in.
var errNamespace = errors.New("lab: the network namespace can't be used")

// isolate makes attr start a lab process in its own network namespace, in which it reaches only servers that it opens
// itself. The system may refuse that.
func isolate(attr *syscall.SysProcAttr) {
	attr.Cloneflags = unix.CLONE_NEWNET
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 { // only allowed in a user namespace
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		attr.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN} // to bring the loopback interface up; confine drops it
	}
}

// refusedIsolation reports whether err is the error of starting a process on a system without namespaces, or without
// permission for them.
func refusedIsolation(err error) bool {
	for _, refused := range []error{unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOSYS, unix.ENOSPC, unix.EUSERS} {
		if errors.Is(err, refused) {
			return true
		}
	}
	return false
}

// confine permanently removes from all threads of this process what an experiment does not need: the root user,
// capabilities, privileges gained by exec, access to the machine's other files, and signals to other processes.
// Access to dir remains, which must be the working directory. It uses as much of Landlock as the kernel supports. It
// returns errNamespace if the network namespace can't be used.
func confine(dir string) error {
	if err := raiseLoopback(); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if err := leaveRoot(dir); err != nil {
			return fmt.Errorf("lab: an experiment of root's can't become an unprivileged user (start the Academy as one): %w", err)
		}
	} else if err := cap.NewSet().SetProc(); err != nil {
		return fmt.Errorf("lab: drop capabilities: %w", err)
	}
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return fmt.Errorf("lab: no_new_privs: %w", err)
	}
	// Other processes of this user must not read this one's memory, and a crash must not write it to the disk.
	if _, err := cap.Prctlw(unix.PR_SET_DUMPABLE, 0); err != nil {
		return fmt.Errorf("lab: not dumpable: %w", err)
	}
	writable := []string{"."}
	if profile := os.Getenv("GOCOVERDIR"); profile != "" { // set if the build measures test coverage
		writable = append(writable, profile)
	}
	// The network is not restricted: an experiment listens on ports that the system chooses, which a rule can't name
	// in advance.
	files := landlock.Config{HandledAccessFS: landlock.V7.HandledAccessFS, Scoped: landlock.V7.Scoped}
	err := files.BestEffort().Restrict(
		landlock.RWDirs(writable...),
		// To resolve PostgreSQL's host name.
		landlock.ROFiles("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/localtime").IgnoreIfMissing(),
		landlock.RODirs("/etc/ssl/certs", "/usr/share/ca-certificates", "/usr/share/zoneinfo").IgnoreIfMissing(),
	)
	if err != nil {
		return fmt.Errorf("lab: Landlock: %w", err)
	}
	return nil
}

// leaveRoot gives dir to the unprivileged user and changes to that user, without any capability.
func leaveRoot(dir string) error {
	return errors.Join(os.Chown(dir, unprivileged, unprivileged), cap.SetGroups(unprivileged), cap.SetUID(unprivileged), cap.ModeNoPriv.Set())
}

// raiseLoopback brings the loopback interface up, which is down in a new network namespace. It returns errNamespace
// on failure.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%w: %w", errNamespace, err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo)
	}
	if err == nil && lo.Uint16()&unix.IFF_UP == 0 {
		lo.SetUint16(lo.Uint16() | unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNamespace, err)
	}
	return nil
}
