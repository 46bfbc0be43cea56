package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"testing"

	"gatehouse.example/apps/forum/picture"
)

func checked(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(x / 8 % 2 * 255), 90, uint8(y / 8 % 2 * 255), 255})
		}
	}
	return m
}

func pngOf(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// claim returns a PNG whose header claims other dimensions than its data has.
func claim(t *testing.T, w, h uint32) []byte {
	file := pngOf(t, checked(8, 8))
	binary.BigEndian.PutUint32(file[16:], w)
	binary.BigEndian.PutUint32(file[20:], h)
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(file[12:29]))
	return file
}

func TestConvert_ScalesAndKeepsNothingElse(t *testing.T) {
	const secret = "GPS 48.2082 N"
	photo := jpegOf(t, checked(3300, 1100))
	photo = append(photo[:2:2], append(append([]byte{0xff, 0xe1, 0, byte(2 + len(secret))}, secret...), photo[2:]...)...)
	drawing := append(pngOf(t, checked(40, 30)), "<script>alert(1)</script>"...)
	for name, tt := range map[string]struct {
		file []byte
		kind string
		w, h int
	}{
		"photo":            {photo, "image/jpeg", 1600, 533},
		"drawing":          {drawing, "image/png", 40, 30},
		"a line":           {pngOf(t, checked(5000, 1)), "image/png", 1600, 1},
		"a column":         {pngOf(t, checked(1, 5000)), "image/png", 1, 1600},
		"just too large":   {pngOf(t, checked(1601, 20)), "image/png", 1600, 19},
		"grey":             {pngOf(t, image.NewGray(image.Rect(0, 0, 9, 9))), "image/png", 9, 9},
		"not at its start": {pngOf(t, checked(60, 60).SubImage(image.Rect(20, 20, 50, 40))), "image/png", 30, 20},
	} {
		out, kind, err := picture.Convert(t.Context(), tt.file)
		if err != nil || kind != tt.kind || bytes.Contains(out, []byte(secret)) || bytes.Contains(out, []byte("script")) {
			t.Errorf("%s: %s, %v", name, kind, err)
			continue
		}
		if c, _, err := image.DecodeConfig(bytes.NewReader(out)); err != nil || c.Width != tt.w || c.Height != tt.h {
			t.Errorf("%s: %d by %d, %v", name, c.Width, c.Height, err)
		}
	}
	// What is averaged keeps its colour.
	out, _, err := picture.Convert(t.Context(), pngOf(t, checked(3200, 3200)))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := png.Decode(bytes.NewReader(out))
	if r, g, b, a := m.At(6, 2).RGBA(); r>>8 != 255 || g>>8 != 90 || b>>8 != 0 || a>>8 != 255 {
		t.Errorf("colour %d %d %d %d", r>>8, g>>8, b>>8, a>>8)
	}
}

func TestConvert_RefusesHostileFiles(t *testing.T) {
	var animation bytes.Buffer
	if err := gif.Encode(&animation, checked(8, 8), nil); err != nil {
		t.Fatal(err)
	}
	noise := image.NewNRGBA(image.Rect(0, 0, 1000, 700)) // transparent in places
	for i := range noise.Pix {
		noise.Pix[i] = uint8(rand.Uint32())
	}
	progressive := jpegOf(t, checked(64, 64))
	scan := bytes.Index(progressive, []byte{0xff, 0xda})
	for name, tt := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":            {nil, picture.ErrFormat},
		"text":               {[]byte("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"), picture.ErrFormat},
		"GIF":                {animation.Bytes(), picture.ErrFormat},
		"huge sides":         {claim(t, 1<<20, 1<<10), picture.ErrDimensions},
		"wide":               {claim(t, 6001, 1), picture.ErrDimensions},
		"a bomb":             {pngOf(t, image.NewGray(image.Rect(0, 0, 5500, 5500))), picture.ErrDimensions},
		"a deep bomb":        {pngOf(t, image.NewGray16(image.Rect(0, 0, 4000, 4000))), picture.ErrDimensions},
		"a progressive bomb": {bytes.Replace(jpegOf(t, image.NewGray(image.Rect(0, 0, 3000, 3000))), []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1), picture.ErrDimensions},
		"no sides":           {claim(t, 0, 0), picture.ErrBroken},
		"less than said":     {claim(t, 4000, 4000), picture.ErrBroken},
		"cut off":            {pngOf(t, checked(64, 64))[:100], picture.ErrBroken},
		"cut off, JPEG":      {jpegOf(t, checked(640, 640))[:3000], picture.ErrBroken},
		"many scans":         {append(progressive[:scan:scan], bytes.Repeat(progressive[scan:], 65)...), picture.ErrDimensions},
		"only a header":      {[]byte("\x89PNG\r\n\x1a\n"), picture.ErrBroken},
		"too many bytes":     {make([]byte, picture.MaxBytes+1), picture.ErrTooLarge},
		"too much detail":    {pngOf(t, noise), picture.ErrTooLarge},
	} {
		if _, _, err := picture.Convert(t.Context(), tt.file); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}
