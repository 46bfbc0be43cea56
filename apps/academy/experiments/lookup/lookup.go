package lookup

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/fleet/embedded"
)

const (
	patience = 2 * time.Second // timeout of a command and of a connection
	denied   = "academy:denied:"
)

// Server is an embedded Redis on a loopback port.
type Server struct{ redis *embedded.Redis }

// Start starts an empty server.
func Start() (*Server, error) {
	r, err := embedded.StartRedis()
	if err != nil {
		return nil, err
	}
	return &Server{redis: r}, nil
}

// Close stops the server.
func (s *Server) Close() { s.redis.Close() }

// Client is one branch's client of the server. It counts the commands that it sends.
type Client struct {
	redis.UniversalClient
	commands atomic.Int64
}

// Connect returns a new client, which connects with its first command.
func (s *Server) Connect() *Client {
	o := s.redis.ClientOptions()
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = patience, patience, patience
	rdb := redis.NewClient(o)
	c := &Client{UniversalClient: rdb}
	rdb.AddHook(counter{&c.commands})
	return c
}

// Commands returns the number of commands that the client has sent, for any purpose. The commands that set up a
// connection do not count.
func (c *Client) Commands() int64 { return c.commands.Load() }

// Denied reports whether a card was revoked: one EXISTS, one round trip.
func (c *Client) Denied(ctx context.Context, jti string) (bool, error) {
	n, err := c.Exists(ctx, denied+jti).Result()
	if err != nil {
		return false, fmt.Errorf("lookup: Redis: %w", err)
	}
	return n > 0, nil
}

// counter is a Redis hook that counts commands.
type counter struct{ n *atomic.Int64 }

func (c counter) count(cmds ...redis.Cmder) {
	for _, cmd := range cmds {
		switch cmd.Name() {
		case "hello", "auth", "client": // sent while a connection is set up
		default:
			c.n.Add(1)
		}
	}
}

// DialHook implements redis.Hook.
func (counter) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (c counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.count(cmd)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (c counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.count(cmds...)
		return next(ctx, cmds)
	}
}
