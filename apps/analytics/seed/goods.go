package seed

// good is a product of the shop. Names and prices match its catalogue, so that the generated history and later sales
// refer to the same products.
type good struct {
	product, name string
	cents         int64
	weight        float64
}

var goods = []good{
	{"brass-lever-handle", "Brass Lever Handle Set", 6900, 9.5},
	{"filament-bulbs", "Filament Bulbs, Set of Three", 2400, 8.6},
	{"leather-key-fob", "Leather Key Fob", 1600, 8.1},
	{"reading-lamp", "Jointed Reading Lamp", 11800, 6.4},
	{"screwdriver-set", "Cabinet Screwdrivers, Set of Four", 4600, 6.0},
	{"five-lever-mortice-lock", "Five-Lever Mortice Lock", 7200, 5.2},
	{"beeswax-polish", "Beeswax Polish", 1400, 5.1},
	{"ring-door-knocker", "Ring Door Knocker", 3900, 4.4},
	{"stoneware-mug", "Stoneware Mug", 1800, 4.2},
	{"brass-padlock", "Brass Padlock 50 mm", 1850, 4.0},
	{"folding-rule", "Folding Rule 2 m", 1450, 3.7},
	{"porch-lantern", "Porch Lantern", 9800, 3.1},
	{"claw-hammer", "Ash Claw Hammer", 3400, 2.9},
	{"oak-key-cabinet", "Oak Key Cabinet", 5900, 2.7},
	{"ball-bearing-hinges", "Ball-Bearing Hinges, Pair", 2650, 2.6},
	{"hallway-pendant", "Hallway Pendant", 14500, 2.2},
	{"linen-table-lamp", "Linen Table Lamp", 8400, 2.0},
	{"bypass-secateurs", "Bypass Secateurs", 4400, 1.8},
	{"enamel-kettle", "Enamel Kettle 1.8 l", 5600, 1.7},
	{"olive-soap", "Olive Soap Block", 950, 1.6},
}

var boards = []string{"doors-and-locks", "lamps-and-light", "tools-and-repairs", "orders-and-delivery", "house-rules"}
