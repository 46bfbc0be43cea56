package cost

// The ways to find out which user a request is from.
const (
	ram        = "ram"
	inRedis    = "redis"
	fresh      = "jwt"
	remembered = "remembered"
	withExists = "jwt-redis"
	withMirror = "mirror"
)

// kind is one of these ways, with its texts.
type kind struct {
	name, label string
	brief       string // label below a bar
	does        string // what a check consists of
	signOut     string // when a sign-out takes effect
	away        string // what happens while Redis is down
	elsewhere   string // whether another branch recognises the user
}

// kinds are all ways, in the order of the guided path.
var kinds = []kind{
	{ram, "RAM session", "RAM", "the cookie is looked up in a map of this branch", "at once, in this branch", "goes on", "no: who is sent there is a stranger"},
	{inRedis, "Redis session", "Redis", "the cookie is looked up in Redis (sso/session)", "at once, everywhere", "503: no one can be recognised", "yes"},
	{fresh, "JWT, seen for the first time", "JWT, new", "the signature is checked (sso/token)", "when the card expires", "goes on", "yes"},
	{remembered, "JWT, remembered by its hash", "JWT, seen", "SHA-256 of the card, the claims that were verified before, the clock (sso/token)", "when the card expires", "goes on", "yes"},
	{withExists, "JWT with a Redis lookup", "JWT + Redis", "the card, as before, and one EXISTS in Redis that asks whether it is denied", "at once, everywhere", "503: can't know who was signed out", "yes"},
	{withMirror, "JWT with our mirror", "JWT + mirror", "the card, as before, and the denylist in the branch's own memory (sso/denylist)", "within milliseconds, and confirmed", "goes on for a second, then 503", "yes"},
}

func kindOf(name string) (kind, bool) {
	for _, k := range kinds {
		if k.name == name {
			return k, true
		}
	}
	return kind{}, false
}

// Names of findings.
func checkOf(kind string) string      { return "check-" + kind + "-us" }
func lookupsOf(kind string) string    { return "lookups-" + kind }
func throughputOf(kind string) string { return "throughput-" + kind }
