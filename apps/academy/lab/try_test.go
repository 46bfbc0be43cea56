package lab_test

import (
	"context"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// try does something that an experiment should not be able to do, and says what came of it.
func try(what, at string) string {
	var err error
	switch what {
	case "read":
		_, err = os.ReadFile(at)
	case "write":
		err = os.WriteFile(at, []byte("x"), 0o600)
	case "signal":
		pid, _ := strconv.Atoi(at)
		err = syscall.Kill(pid, 0)
	case "redis":
		rdb := redis.NewClient(&redis.Options{Addr: at, DialTimeout: time.Second, MaxRetries: -1, DialerRetries: 1})
		err = rdb.Ping(context.Background()).Err()
		_ = rdb.Close()
	case "dial":
		var conn net.Conn
		if conn, err = net.DialTimeout("tcp", at, time.Second); err == nil {
			_ = conn.Close()
		}
	case "own server":
		err = ownServer()
	}
	if err != nil {
		return err.Error()
	}
	return "done"
}

// ownServer asks a server of the experiment's own, over loopback.
func ownServer() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	conn, err := net.DialTimeout("tcp", ln.Addr().String(), time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}
