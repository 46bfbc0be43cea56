package embedded

import (
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// commandTimeout is the timeout of a command and of a connection: a server in this process answers at once unless it is
// stopped.
const commandTimeout = time.Second

// bufferSize is the size of a connection's buffers, in bytes. With go-redis' default of 32 KiB, many clients in one
// process would use much memory.
const bufferSize = 4 << 10

// ClientOptions returns options for a client of this server; the caller may change them. They contain the password: do
// not log them.
func (r *Redis) ClientOptions() *redis.Options {
	return &redis.Options{
		Addr: r.addr, Password: r.password,
		DialTimeout: commandTimeout, ReadTimeout: commandTimeout, WriteTimeout: commandTimeout, ContextTimeoutEnabled: true,
		MaxRetries: 1, DialerRetries: 1, Dialer: (&net.Dialer{Timeout: commandTimeout}).DialContext,
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize, PipelineReadBufferSize: bufferSize, PipelineWriteBufferSize: bufferSize,
		DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}
