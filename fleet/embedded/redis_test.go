package embedded_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/fleet/embedded"
)

func open(t *testing.T) *redis.Client {
	t.Helper()
	server, err := embedded.StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	opts, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(opts)
	t.Cleanup(func() { rdb.Close() })
	if err := rdb.Ping(t.Context()).Err(); err != nil {
		t.Fatalf("ping with the password: %v", err)
	}
	return rdb
}

func TestRedis_NeedsThePassword(t *testing.T) {
	rdb := open(t)
	stranger := redis.NewClient(&redis.Options{Addr: rdb.Options().Addr})
	defer stranger.Close()
	if err := stranger.Get(t.Context(), "k").Err(); err == nil || errors.Is(err, redis.Nil) {
		t.Fatalf("without a password: %v, want a refusal", err)
	}
}

// Every way to give a key a lifetime must end it in real time.
func TestRedis_KeysExpire(t *testing.T) {
	rdb := open(t)
	ctx := t.Context()
	set := map[string]func(key string) error{
		"PX":      func(k string) error { return rdb.Set(ctx, k, "v", 60*time.Millisecond).Err() },
		"SETNX":   func(k string) error { return rdb.SetNX(ctx, k, "v", 60*time.Millisecond).Err() },
		"EX":      func(k string) error { return rdb.Set(ctx, k, "v", time.Second).Err() },
		"PEXPIRE": func(k string) error { rdb.HSet(ctx, k, "f", 1); return rdb.PExpire(ctx, k, 60*time.Millisecond).Err() },
		"EXPIRE":  func(k string) error { rdb.SAdd(ctx, k, "m"); return rdb.Expire(ctx, k, time.Second).Err() },
		"PEXPIREAT": func(k string) error {
			rdb.ZAdd(ctx, k, redis.Z{Member: "m"})
			return rdb.PExpireAt(ctx, k, time.Now().Add(60*time.Millisecond)).Err()
		},
		"Lua": func(k string) error {
			return rdb.Eval(ctx, `return redis.call("SET", KEYS[1], "v", "PX", ARGV[1])`, []string{k}, 60).Err()
		},
	}
	if err := rdb.Set(ctx, "lasting", "v", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	for how, do := range set {
		if err := do(how); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
	}
	for how := range set {
		for rdb.Exists(ctx, how).Val() != 0 { // the test's own time limit ends it if the key never goes
			time.Sleep(5 * time.Millisecond)
		}
	}
	if rdb.Exists(ctx, "lasting", "lasting").Val() != 2 {
		t.Error("a key with an hour to live is gone")
	}
}

// The commands that the other packages rely on.
func TestRedis_Commands(t *testing.T) {
	rdb := open(t)
	ctx := t.Context()
	t.Run("GETDEL", func(t *testing.T) {
		rdb.Set(ctx, "code", "v", time.Minute)
		if v, err := rdb.GetDel(ctx, "code").Result(); v != "v" || err != nil {
			t.Fatal(v, err)
		}
		if err := rdb.GetDel(ctx, "code").Err(); !errors.Is(err, redis.Nil) {
			t.Fatal("taken twice:", err)
		}
	})
	t.Run("SETXX", func(t *testing.T) {
		if ok, err := rdb.SetXX(ctx, "xx", "v", time.Minute).Result(); ok || err != nil {
			t.Fatal("resurrected:", ok, err)
		}
		rdb.Set(ctx, "xx", "v", time.Minute)
		if ok, err := rdb.SetXX(ctx, "xx", "w", time.Minute).Result(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	})
	t.Run("SET XX KEEPTTL GET", func(t *testing.T) {
		rdb.Set(ctx, "keep", "v", time.Minute)
		old, err := rdb.SetArgs(ctx, "keep", "w", redis.SetArgs{Mode: "XX", KeepTTL: true, Get: true}).Result()
		if old != "v" || err != nil {
			t.Fatal(old, err)
		}
		if left := rdb.PTTL(ctx, "keep").Val(); left <= 0 {
			t.Fatal("lost its lifetime:", left)
		}
	})
	t.Run("GETEX", func(t *testing.T) {
		rdb.Set(ctx, "getex", "v", 0)
		if v, err := rdb.GetEx(ctx, "getex", time.Minute).Result(); v != "v" || err != nil {
			t.Fatal(v, err)
		}
		if left := rdb.TTL(ctx, "getex").Val(); left <= 0 {
			t.Fatal("has no lifetime:", left)
		}
	})
	t.Run("SETNX", func(t *testing.T) {
		if ok, _ := rdb.SetNX(ctx, "lock", "a", time.Minute).Result(); !ok {
			t.Fatal("not taken")
		}
		if ok, _ := rdb.SetNX(ctx, "lock", "b", time.Minute).Result(); ok {
			t.Fatal("taken twice")
		}
	})
	t.Run("EVAL and EVALSHA", func(t *testing.T) {
		script := redis.NewScript(`if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0`)
		rdb.Set(ctx, "owned", "me", time.Minute)
		if n, err := script.Run(ctx, rdb, []string{"owned"}, "you").Int(); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := script.Run(ctx, rdb, []string{"owned"}, "me").Int(); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	})
	t.Run("MULTI", func(t *testing.T) {
		var n *redis.IntCmd
		_, err := rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
			n = p.Incr(ctx, "attempts")
			p.ExpireNX(ctx, "attempts", time.Minute)
			return nil
		})
		if err != nil || n.Val() != 1 {
			t.Fatal(n, err)
		}
		if left := rdb.TTL(ctx, "attempts").Val(); left <= 0 {
			t.Fatal("EXPIRE NX gave no lifetime:", left)
		}
	})
	t.Run("WATCH", func(t *testing.T) {
		err := rdb.Watch(ctx, func(tx *redis.Tx) error {
			rdb.Set(ctx, "watched", "changed", 0)
			_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, "watched", "mine", 0).Err() })
			return err
		}, "watched")
		if !errors.Is(err, redis.TxFailedErr) {
			t.Fatal(err)
		}
	})
	t.Run("PUBLISH", func(t *testing.T) {
		sub := rdb.Subscribe(ctx, "channel")
		defer sub.Close()
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		rdb.Publish(ctx, "channel", "hello")
		if m, err := sub.ReceiveMessage(ctx); err != nil || m.Payload != "hello" {
			t.Fatal(m, err)
		}
	})
}

// A consumer group: blocked reads wake, what a dead consumer held can be claimed, and nothing is counted twice.
func TestRedis_Streams(t *testing.T) {
	rdb := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := rdb.XGroupCreateMkStream(ctx, "s", "g", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.XGroupCreateMkStream(ctx, "s", "g", "0").Err(); err == nil || !redis.HasErrorPrefix(err, "BUSYGROUP") {
		t.Fatal("second group:", err)
	}
	got := make(chan error, 1)
	go func() {
		res, err := rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "dead", Streams: []string{"s", ">"}, Count: 10, Block: 10 * time.Second}).Result()
		if err == nil && (len(res) != 1 || len(res[0].Messages) != 1) {
			err = errors.New("not one message")
		}
		got <- err
	}()
	if err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: "s", MaxLen: 1000, Approx: true, Values: []any{"event", "1"}}).Err(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	var claimed []redis.XMessage
	for len(claimed) == 0 { // idle time passes for real
		var err error
		claimed, _, err = rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{Stream: "s", Group: "g", Consumer: "alive", MinIdle: 30 * time.Millisecond, Start: "0", Count: 10}).Result()
		if err != nil {
			t.Fatal(err)
		}
	}
	if n, err := rdb.XAck(ctx, "s", "g", claimed[0].ID).Result(); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if p, err := rdb.XPending(ctx, "s", "g").Result(); err != nil || p.Count != 0 {
		t.Fatal(p, err)
	}
	if _, err := rdb.XInfoGroups(ctx, "s").Result(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "alive", Streams: []string{"s", ">"}, Block: 30 * time.Millisecond}).Err(); !errors.Is(err, redis.Nil) {
		t.Fatal("an empty blocked read:", err)
	}
}
