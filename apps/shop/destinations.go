package shop

import "gatehouse.example/web"

// Pages are the pages that people can go to from every app.
var Pages = []web.Page{
	{Label: "All products", Path: "/", Words: "catalogue buy home"},
	{Label: "Cart", Path: "/cart", Words: "basket checkout"},
	{Label: "Your orders", Path: "/orders", Words: "history deliveries", SignedIn: true},
	{Label: "Orders of the shop", Path: "/merchant", Words: "merchant", Roles: merchantRoles},
	{Label: "Stock and prices", Path: "/merchant/products", Words: "merchant products", Roles: merchantRoles},
	{SearchFor: "products", Path: "/?q="},
}
