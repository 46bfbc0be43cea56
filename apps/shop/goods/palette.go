package goods

// tones are the three colours of a material: plain, in shade, and in light.
type tones struct{ base, shade, light string }

var materials = map[string]tones{
	"brass":      {"#c9a253", "#98752f", "#ecd08f"},
	"steel":      {"#a8b0b3", "#747e82", "#dbe1e2"},
	"iron":       {"#4a4d50", "#2e3032", "#7b8084"},
	"oak":        {"#c79a63", "#97703f", "#e5c596"},
	"walnut":     {"#7d5639", "#573a25", "#a87d5b"},
	"leather":    {"#a8673a", "#784523", "#d09a6c"},
	"linen":      {"#e6dcc6", "#c4b696", "#f6f0e2"},
	"green":      {"#3f6b57", "#2a4c3d", "#6d9a84"},
	"moss":       {"#7f8f55", "#5c6a39", "#aebb85"},
	"sage":       {"#8ba590", "#647e6a", "#b9ccbc"},
	"blue":       {"#4a6a8c", "#334b66", "#7f9dbb"},
	"red":        {"#b4533c", "#843827", "#d98b75"},
	"yellow":     {"#dcb450", "#aa8530", "#f2d88f"},
	"terracotta": {"#c0704a", "#914d2f", "#de9b79"},
	"cork":       {"#c59e70", "#94714a", "#e0c39d"},
	"glass":      {"#bfd8dc", "#86aab1", "#e6f3f5"},
	"glow":       {"#f0a52c", "#c07a14", "#ffd98a"},
}

// backdrops are muted, so that they are neither too bright on a dark page nor look dirty on a light one. base is the
// wall, shade the table, and light the centre of the gradient on the wall.
var backdrops = map[string]tones{
	"sage":       {"#b4c3b0", "#9db09a", "#c7d3c3"},
	"clay":       {"#d5b59d", "#c19d83", "#e2c8b5"},
	"slate":      {"#a9b4be", "#919eaa", "#bfc8d0"},
	"moss":       {"#b6bb98", "#9ea480", "#c9cdb0"},
	"sand":       {"#dccbaa", "#c8b48d", "#e8dbc1"},
	"sky":        {"#abc4cd", "#92afb9", "#c1d5dc"},
	"dusk":       {"#5a6474", "#485160", "#6e798a"},
	"terracotta": {"#cf9f87", "#b9866d", "#ddb6a2"},
	"walnut":     {"#b49a86", "#9d8270", "#c7b1a0"},
}

// shadow is the colour of cast shadows and keyholes.
const shadow = "#26221d"
