package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
	"golang.org/x/sync/semaphore"
)

// Limits of images.
const (
	MaxBytes  = 2 << 20 // of a file, before and after
	maxSide   = 6000    // pixels
	maxPixels = 25_000_000
	maxScans  = 64   // of a progressive JPEG: each takes time for the whole image
	maxShown  = 1600 // pixels of the longer side of a converted image
	maxAtOnce = 2    // images that are decoded at the same time; each takes up to 250 MB
	quality   = 85   // of JPEG
)

// Errors about an image.
var (
	ErrFormat     = errors.New("picture: neither PNG nor JPEG")
	ErrBroken     = errors.New("picture: the file is damaged")
	ErrDimensions = errors.New("picture: too many pixels")
	ErrTooLarge   = errors.New("picture: the converted file is too large")
)

var decoding = semaphore.NewWeighted(maxAtOnce)

// Convert returns the image in file as a new file and its type, image/png or image/jpeg. It waits for its turn until
// ctx ends. It returns ErrFormat, ErrBroken, ErrDimensions, ErrTooLarge or the context's error.
func Convert(ctx context.Context, file []byte) (converted []byte, contentType string, err error) {
	if len(file) > MaxBytes {
		return nil, "", ErrTooLarge
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(file))
	if errors.Is(err, image.ErrFormat) || err == nil && format != "png" && format != "jpeg" {
		return nil, "", ErrFormat
	}
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrBroken, err)
	}
	pixels := config.Width * config.Height // each side is at most 32 bits
	if deep(config.ColorModel) {
		pixels *= 2
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxSide || config.Height > maxSide {
		return nil, "", ErrDimensions
	}
	if format == "jpeg" && bytes.Contains(file, []byte{0xff, 0xc2}) { // progressive: its coefficients take four bytes each
		pixels *= 3
	}
	if pixels > maxPixels {
		return nil, "", ErrDimensions
	}
	if format == "jpeg" && bytes.Count(file, []byte{0xff, 0xda}) > maxScans { // start of scan; never within a scan's data
		return nil, "", ErrDimensions
	}
	if err := decoding.Acquire(ctx, 1); err != nil {
		return nil, "", err
	}
	defer decoding.Release(1)
	picture, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return encode(reduce(picture), format)
}

// deep reports whether an image of this model takes twice as much memory as others.
func deep(m color.Model) bool {
	return m == color.RGBA64Model || m == color.NRGBA64Model || m == color.Gray16Model
}

// reduce returns the image with a longer side of at most maxShown pixels: it averages whole blocks first, since
// interpolation between four pixels would lose the others.
func reduce(picture image.Image) image.Image {
	b := picture.Bounds()
	side := max(b.Dx(), b.Dy())
	if side <= maxShown {
		return picture
	}
	if n := side / maxShown; n > 1 {
		picture = average(picture, n)
	}
	w, h := max(1, b.Dx()*maxShown/side), max(1, b.Dy()*maxShown/side)
	small := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.ApproxBiLinear.Scale(small, small.Bounds(), picture, picture.Bounds(), draw.Src, nil)
	return small
}

// average returns the image with blocks of n times n pixels as one.
func average(picture image.Image, n int) image.Image {
	b := picture.Bounds()
	small := image.NewRGBA64(image.Rect(0, 0, max(1, b.Dx()/n), max(1, b.Dy()/n)))
	row := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1))
	for y := range small.Rect.Dy() {
		sums := make([][4]uint64, small.Rect.Dx())
		lines := min(n, b.Dy())
		for line := range lines {
			draw.Draw(row, row.Rect, picture, image.Pt(b.Min.X, b.Min.Y+y*n+line), draw.Src)
			for x := range sums {
				for column := range min(n, b.Dx()) {
					p := row.Pix[4*(x*n+column):]
					for c := range sums[x] {
						sums[x][c] += uint64(p[c])
					}
				}
			}
		}
		for x, sum := range sums {
			count := uint64(lines * min(n, b.Dx()))
			of := func(c int) uint16 { return uint16(sum[c] * 0x101 / count) }
			small.SetRGBA64(x, y, color.RGBA64{of(0), of(1), of(2), of(3)})
		}
	}
	return small
}

// encode encodes an image in its own format or, if that takes too many bytes and it is opaque, as JPEG.
func encode(picture image.Image, format string) ([]byte, string, error) {
	var out bytes.Buffer
	if format == "png" {
		if err := png.Encode(&out, picture); err != nil {
			return nil, "", fmt.Errorf("picture: %w", err)
		}
		if out.Len() <= MaxBytes {
			return out.Bytes(), "image/png", nil
		}
		if o, ok := picture.(interface{ Opaque() bool }); !ok || !o.Opaque() {
			return nil, "", ErrTooLarge
		}
		out.Reset()
	}
	if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: quality}); err != nil {
		return nil, "", fmt.Errorf("picture: %w", err)
	}
	if out.Len() > MaxBytes {
		return nil, "", ErrTooLarge
	}
	return out.Bytes(), "image/jpeg", nil
}
