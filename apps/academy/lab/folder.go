package lab

import (
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// folderPrefix is the prefix of the names of runs' folders.
const folderPrefix = "gatehouse-lab-"

// holdFolder marks a run's folder as in use until the returned file is closed or this process ends in any way.
func holdFolder(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// sweepFolders removes the folders of runs that crashed together with the process that started them: folders that no
// process holds, except for new ones, whose process may still be starting.
func sweepFolders(dir string) {
	if dir == "" {
		dir = os.TempDir()
	}
	left, _ := filepath.Glob(filepath.Join(dir, folderPrefix+"*"))
	for _, path := range left {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < 4*startTime {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			continue // of another user
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(path)
		}
		_ = f.Close()
	}
}
