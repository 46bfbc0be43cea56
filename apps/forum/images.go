package forum

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/picture"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/web"
)

const (
	uploadPath = "/images/new"
	// maxUpload is the maximum size of the request that uploads an image: the file and the rest of the form.
	maxUpload      = picture.MaxBytes + 64<<10
	maxDescription = 200
	// convertTimeout is how long an upload waits until it can be converted.
	convertTimeout = 5 * time.Second
)

// uploadView is the data of the page that uploads an image.
type uploadView struct {
	Shell       components.Shell
	Description string
	Fault       string // of the file
	Image       string // path of the uploaded image, "" for none yet
	Markdown    string // that shows it in a post
}

// nextDescription returns the description in the form: that of a refused image, not of one that is uploaded.
func (v uploadView) nextDescription() string {
	if v.Image != "" {
		return ""
	}
	return v.Description
}

// uploadForm handles GET /images/new.
func (a *App) uploadForm(c echo.Context) error {
	return web.Render(c, http.StatusOK, uploadPage(uploadView{Shell: a.shell(c, "Add an image", uploadPath)}))
}

// upload handles POST /images/new: stores an image, and returns the Markdown that shows it, on a page or as JSON.
func (a *App) upload(c echo.Context) error {
	ctx, sub := c.Request().Context(), apps.Subject(c)
	v := uploadView{}
	if err := c.Request().ParseMultipartForm(maxUpload); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return web.Fail(http.StatusRequestEntityTooLarge, "too_large", "The image can have at most 2 MB.").WithCause(err)
		}
		return web.Fail(http.StatusBadRequest, "bad_form", "The submitted form can't be read.").WithCause(err)
	}
	description, err := web.Text(c, "description", maxDescription)
	if err != nil {
		return err
	}
	v.Description = description
	file, err := readFile(c)
	if err != nil {
		return err
	}
	if len(file) == 0 {
		return a.refuseUpload(c, v, http.StatusUnprocessableEntity, "Choose a file.")
	}
	limit := (*db.RateLimitError)(nil)
	if err := a.store.CountUpload(ctx, sub, a.Now()); errors.As(err, &limit) {
		return a.refuseUpload(c, v, http.StatusTooManyRequests, "You're uploading too often. Try again in "+web.WaitText(limit.Wait)+".", limit.Wait)
	} else if err != nil {
		return err
	}
	data, kind, fault, err := convert(ctx, file)
	switch {
	case err != nil:
		return err
	case fault != "":
		return a.refuseUpload(c, v, http.StatusUnprocessableEntity, fault)
	}
	id, err := a.store.AddImage(ctx, store.Image{Sub: sub, Type: kind, Data: data}, web.ClientNetwork(c), a.Now())
	switch {
	case errors.As(err, &limit):
		return a.refuseUpload(c, v, http.StatusTooManyRequests, "You can upload 20 images a day, and your network 60. Try again in "+web.WaitText(limit.Wait)+".", limit.Wait)
	case errors.Is(err, store.ErrImages):
		return a.refuseUpload(c, v, http.StatusTooManyRequests, "You've uploaded as much as one person can: 20 MB a day, 200 images or 100 MB in all. Remove images from your posts to make room.")
	case err != nil:
		return err
	}
	v.Image = "/images/" + id
	if description == "" {
		description = "image"
	}
	v.Markdown = "![" + escapeMarkdown(description) + "](" + v.Image + ")"
	if web.WantsJSON(c) {
		return c.JSON(http.StatusCreated, map[string]string{"path": v.Image, "markdown": v.Markdown})
	}
	v.Shell = a.shell(c, "Add an image", uploadPath)
	return web.Render(c, http.StatusCreated, uploadPage(v))
}

// refuseUpload answers an upload with a fault of its file and, for status 429, the time to wait.
func (a *App) refuseUpload(c echo.Context, v uploadView, status int, fault string, wait ...time.Duration) error {
	for _, d := range wait {
		c.Response().Header().Set("Retry-After", strconv.Itoa(int(d.Seconds())+1))
	}
	if web.WantsJSON(c) {
		return web.Fail(status, "image_refused", fault)
	}
	v.Fault = fault
	v.Shell = a.shell(c, "Add an image", uploadPath)
	return web.Render(c, status, uploadPage(v))
}

// readFile returns the file of the form, or nothing if it has none.
func readFile(c echo.Context) ([]byte, error) {
	form := c.Request().MultipartForm
	if form == nil || len(form.File["image"]) != 1 {
		return nil, nil
	}
	defer func() { _ = form.RemoveAll() }()
	f, err := form.File["image"][0].Open()
	if err != nil {
		return nil, fmt.Errorf("forum: uploaded file: %w", err)
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(f) // the request's body is limited
}

// convert returns the image to store and its type, or what is wrong with the file.
func convert(ctx context.Context, file []byte) (data []byte, kind, fault string, err error) {
	ctx, cancel := context.WithTimeout(ctx, convertTimeout)
	defer cancel()
	data, kind, err = picture.Convert(ctx, file)
	switch {
	case errors.Is(err, picture.ErrFormat):
		fault = "This isn't a PNG or JPEG file. Save the image as one of these, and try again."
	case errors.Is(err, picture.ErrBroken):
		fault = "This file is damaged, so we can't show it. Save the image again, and try once more."
	case errors.Is(err, picture.ErrDimensions):
		fault = "This image is too large. It can have at most 6,000 pixels on each side and 25 million in all, or 8 million in a progressive JPEG."
	case errors.Is(err, picture.ErrTooLarge):
		fault = "This image has more than 2 MB. Save it smaller or as JPEG, and try again."
	default:
		return data, kind, "", err
	}
	return nil, "", fault, nil
}

// image handles GET /images/:image: sends an image of a post that is shown. Others only its uploader gets and, if a
// post has it, moderators.
func (a *App) image(c echo.Context) error {
	i, err := a.store.Image(c.Request().Context(), param(c, "image"))
	if err != nil {
		return apps.NotFound(err, "This image")
	}
	if !i.Shown() && i.Sub != apps.Subject(c) && (i.Post == "" || !isModerator(c)) {
		return web.NotFound("This image")
	}
	h, etag := c.Response().Header(), `"`+i.ID+`"`
	h.Set("Cache-Control", "private, no-cache") // browsers ask each time: an image may be removed
	h.Set("ETag", etag)
	if c.Request().Header.Get("If-None-Match") == etag {
		return c.NoContent(http.StatusNotModified)
	}
	h.Set("Content-Disposition", "inline")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set(echo.HeaderContentLength, strconv.Itoa(len(i.Data)))
	return c.Blob(http.StatusOK, i.Type, i.Data)
}
