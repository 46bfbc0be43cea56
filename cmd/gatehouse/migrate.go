package main

import (
	"context"
	"fmt"
	"time"

	"gatehouse.example/db"
)

// migrate brings all databases up to date.
func migrate(ctx context.Context, c migrateConfig) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for _, name := range serviceKeys() {
		d, err := db.Open(ctx, c.DatabaseURL, name)
		if err != nil {
			return err
		}
		err = d.Migrate(ctx)
		_ = d.Close()
		if err != nil {
			return err
		}
		fmt.Println(name + ": up to date")
	}
	return nil
}
