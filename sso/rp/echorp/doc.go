// Package echorp mounts a relying party on an Echo server. It adapts the middleware and endpoints of package rp: errors
// go to Echo's error handler, and addresses of browsers come from Echo's IPExtractor.
//
//	auth, err := echorp.New(rp.Config{Issuer: "https://id.example.com", ClientID: "shop", ClientSecret: secret,
//		BaseURL: "https://shop.example.com", Service: "shop", Keys: [][]byte{key}, Redis: rdb})
//	auth.Mount(e)
//	e.GET("/orders", orders, auth.Required)
//
// In a handler, rp.From(c.Request()) is the request's user.
package echorp
