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

// unprivileged is the user and group id (nobody, nogroup) that a lab process started by root changes to.
const unprivileged = 65534

// errNamespace says that a lab process can't use the network namespace that it was started in.
var errNamespace = errors.New("lab: the network namespace can't be used")

// isolate makes attr start a lab process in a network namespace of its own: it reaches no server but those
// that it opens itself. The system may refuse that.
func isolate(attr *syscall.SysProcAttr) {
	attr.Cloneflags = unix.CLONE_NEWNET
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 { // only in a user namespace may it do so
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		attr.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN} // to raise the loopback interface; confine drops it
	}
}

// refusedIsolation reports whether err is how a system without namespaces, or without permission for them,
// refuses to start a process.
func refusedIsolation(err error) bool {
	for _, refused := range []error{unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOSYS, unix.ENOSPC, unix.EUSERS} {
		if errors.Is(err, refused) {
			return true
		}
	}
	return false
}

// confine takes from this process what an experiment does not need, for good and in all threads: root's user,
// capabilities, the gain of privileges by exec, the other files of the machine, and signals to processes outside.
// It leaves dir, which must be the working directory. Of Landlock it takes as much as the kernel has.
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
	// Other processes of this user may not look into this one, nor does a crash leave its memory on the disk.
	if _, err := cap.Prctlw(unix.PR_SET_DUMPABLE, 0); err != nil {
		return fmt.Errorf("lab: not dumpable: %w", err)
	}
	writable := []string{"."}
	if profile := os.Getenv("GOCOVERDIR"); profile != "" { // of a build that measures test coverage
		writable = append(writable, profile)
	}
	// Not the network: an experiment listens on ports that the system chooses, which a rule can't name before.
	files := landlock.Config{HandledAccessFS: landlock.V7.HandledAccessFS, Scoped: landlock.V7.Scoped}
	err := files.BestEffort().Restrict(
		landlock.RWDirs(writable...),
		landlock.ROFiles("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/localtime").IgnoreIfMissing(), // PostgreSQL's name
		landlock.RODirs("/etc/ssl/certs", "/usr/share/ca-certificates", "/usr/share/zoneinfo").IgnoreIfMissing(),
	)
	if err != nil {
		return fmt.Errorf("lab: Landlock: %w", err)
	}
	return nil
}

// leaveRoot hands dir to the unprivileged user and becomes that user, without any capability.
func leaveRoot(dir string) error {
	return errors.Join(os.Chown(dir, unprivileged, unprivileged), cap.SetGroups(unprivileged), cap.SetUID(unprivileged), cap.ModeNoPriv.Set())
}

// raiseLoopback raises the loopback interface, which is down in a new network namespace.
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
