package embedded

import (
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// timeout is the timeout of a command and of a connection: a server in this process answers at once unless it is
// stopped.
const timeout = time.Second

// buffer is the size of a connection's buffers, in bytes. With go-redis' default of 32 KiB, many clients in one process
// would use much memory.
const buffer = 4 << 10

// ClientOptions returns options for a client of this server; the caller may change them. They contain the password: do
// not log them.
func (r *Redis) ClientOptions() *redis.Options {
	return &redis.Options{
		Addr: r.addr, Password: r.password,
		DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout, ContextTimeoutEnabled: true,
		MaxRetries: 1, DialerRetries: 1, Dialer: (&net.Dialer{Timeout: timeout}).DialContext,
		ReadBufferSize: buffer, WriteBufferSize: buffer, PipelineReadBufferSize: buffer, PipelineWriteBufferSize: buffer,
		DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}
