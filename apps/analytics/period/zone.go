package period

import (
	"time"
	_ "time/tzdata" // the zones of browsers, on machines without zone data
)

// Zone is the parameter with the time zone of the parameters from and to, an IANA name. The default is UTC.
const Zone = "zone"

// maxZone is the longest name of a zone, in bytes.
const maxZone = 64

// LoadZone returns the zone of that name, or nil if there is none.
func LoadZone(name string) *time.Location {
	if name == "" || name == "Local" || len(name) > maxZone { // the server's own zone is not the browser's
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}
