package forum

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"gatehouse.example/apps/forum/store"
)

// Shop is the part of the shop's API that the forum uses.
type Shop interface {
	// Product returns the product with this slug. It returns ErrNoProduct if there is none, and other errors if the
	// request to the shop fails.
	Product(ctx context.Context, slug string) (store.Product, error)
	// Buyers returns the set of those subs that bought the product.
	Buyers(ctx context.Context, product string, subs []string) (map[string]bool, error)
}

// ErrNoProduct says that the shop has no product with the given slug.
var ErrNoProduct = errors.New("forum: no such product")

// tokenSource issues access tokens for another app's API; [rp.RP] implements it.
type tokenSource interface {
	ServiceToken(ctx context.Context, audience string, scopes ...string) (string, error)
}

// purchasesScope is the scope for the shop's list of buyers. Its product catalogue is public.
const purchasesScope = "purchases:read"

// maxResponse limits the bytes read from a response.
const maxResponse = 1 << 20

// shopAPI is a client of the shop's HTTP API.
type shopAPI struct {
	origin string // also the audience of the access tokens (RFC 8707)
	http   *http.Client
	tokens tokenSource
}

// Product requests the product from the shop's public catalogue.
func (s *shopAPI) Product(ctx context.Context, slug string) (store.Product, error) {
	var p struct{ Slug, Name, URL string }
	err := s.get(ctx, "/api/v1/products/"+url.PathEscape(slug), "", &p)
	if err != nil {
		return store.Product{}, err
	}
	if p.Slug == "" || p.Name == "" {
		return store.Product{}, errors.New("forum: the shop's response has no product")
	}
	path := "/products/" + url.PathEscape(p.Slug)
	// Accept only URLs of the shop, and store them without the origin, which may change.
	if rest, ok := strings.CutPrefix(p.URL, s.origin+"/"); ok {
		path = "/" + rest
	}
	return store.Product{Slug: p.Slug, Name: p.Name, Path: path}, nil
}

// Buyers requests the buyers with an access token of the forum itself (client credentials).
func (s *shopAPI) Buyers(ctx context.Context, product string, subs []string) (map[string]bool, error) {
	token, err := s.tokens.ServiceToken(ctx, s.origin, purchasesScope)
	if err != nil {
		return nil, fmt.Errorf("forum: a token for the shop: %w", err)
	}
	query := url.Values{"product": {product}, "sub": subs}
	var answer struct {
		Product string
		Buyers  []string
	}
	if err := s.get(ctx, "/api/v1/purchases?"+query.Encode(), token, &answer); err != nil {
		return nil, err
	}
	if answer.Product != product {
		return nil, errors.New("forum: the shop's answer is about another product")
	}
	buyers := make(map[string]bool, len(answer.Buyers))
	for _, sub := range answer.Buyers {
		buyers[sub] = true
	}
	return buyers, nil
}

func (s *shopAPI) get(ctx context.Context, path, bearer string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.origin+path, nil)
	if err != nil {
		return fmt.Errorf("forum: ask the shop: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("forum: ask the shop: %w", err)
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return ErrNoProduct
	default:
		return fmt.Errorf("forum: the shop answered %d", res.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxResponse)).Decode(into); err != nil {
		return fmt.Errorf("forum: the shop's answer: %w", err)
	}
	return nil
}
