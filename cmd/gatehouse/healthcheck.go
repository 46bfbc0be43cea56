package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// healthcheck returns an error unless c.URL answers 200 within 3 seconds. Container images without curl use it.
func healthcheck(ctx context.Context, c healthConfig) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return fmt.Errorf("%q is not a URL", c.URL)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", c.URL, res.Status)
	}
	return nil
}
