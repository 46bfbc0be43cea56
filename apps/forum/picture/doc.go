// Package picture makes uploaded images safe to serve: it decodes PNG and JPEG within limits, makes large ones smaller,
// and encodes them anew, so that nothing else of the file is left, such as where a photo was taken.
//
// The limits come before decoding: a small file can describe an image that takes gigabytes or minutes. The orientation
// that a camera notes beside the image is dropped with the rest.
package picture
