package db

// Page returns the number of an existing page of a list: page, or the nearest one if it does not exist. It also returns
// the number of pages, at least 1, and the OFFSET of the returned page. Pages count from 1.
func Page(page, total, pageSize int) (shown, pages, offset int) {
	pages = max(1, (total+pageSize-1)/pageSize)
	shown = min(max(page, 1), pages)
	return shown, pages, (shown - 1) * pageSize
}
