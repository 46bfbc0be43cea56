package bank_test

import (
	"context"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
)

// silent takes what go-redis says of a Redis that is stopped on purpose.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	os.Exit(m.Run())
}
