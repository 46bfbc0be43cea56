package embedded

import (
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// patience is of a command and of a connection: a server in this process answers at
// once, or it has been stopped.
const patience = time.Second

// buffer is how much a connection reads and writes at a time, in bytes. go-redis' own
// 32 KiB would make many clients in one process large.
const buffer = 4 << 10

// ClientOptions are those of a client of this server; the caller may change them. They
// hold the password: do not log them.
func (r *Redis) ClientOptions() *redis.Options {
	return &redis.Options{
		Addr: r.addr, Password: r.password,
		DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, ContextTimeoutEnabled: true,
		MaxRetries: 1, DialerRetries: 1, Dialer: (&net.Dialer{Timeout: patience}).DialContext,
		ReadBufferSize: buffer, WriteBufferSize: buffer, PipelineReadBufferSize: buffer, PipelineWriteBufferSize: buffer,
		DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}
