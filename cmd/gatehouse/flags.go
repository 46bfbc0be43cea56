package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"gatehouse.example/apps"
	"gatehouse.example/db"
	"gatehouse.example/portal/clients"
	"gatehouse.example/sso/session"
	"gatehouse.example/web"
)

// commands are the command line, beside the command of each service. Nothing else in Gatehouse reads flags or the
// environment.
type commands struct {
	Up          upConfig         `cmd:"" help:"Run everything on this machine: replicas of every service behind a load balancer."`
	Migrate     migrateConfig    `cmd:"" help:"Migrate the databases of all services."`
	Laboratory  laboratoryConfig `cmd:"" hidden:"" help:"Run one experiment of the academy, described on standard input."`
	Healthcheck healthConfig     `cmd:"" help:"Check whether a service is healthy; the exit code is 1 if it isn't."`
}

type upConfig struct {
	Addr        string        `env:"GATEHOUSE_ADDR" default:"127.0.0.1:8080" help:"Address (host:port) of the load balancer. Port 0 picks a free one."`
	Domain      string        `env:"GATEHOUSE_DOMAIN" default:"localhost" help:"Domain of the services: portal.DOMAIN, shop.DOMAIN and so on."`
	Replicas    string        `env:"GATEHOUSE_REPLICAS" default:"${replicas}" help:"Number of replicas of each service, or one number for all services."`
	Data        string        `env:"GATEHOUSE_DATA" default:"./data" help:"Folder for databases, key and logs."`
	RedisURL    string        `env:"REDIS_URL" name:"redis-url" help:"Redis to use instead of the embedded one. ${redis_help}"`
	DatabaseURL string        `env:"DATABASE_URL" name:"database-url" help:"Databases: sqlite:FOLDER or postgres://… (default: sqlite:DATA)."`
	Clients     string        `env:"GATEHOUSE_CLIENTS" help:"JSON file with additional clients (relying parties)."`
	Key         string        `env:"GATEHOUSE_KEY" help:"Key that encrypts sessions and stored signing keys, 32 bytes in hex or base64 (default: created and stored in DATA)."`
	OldKeys     []string      `env:"GATEHOUSE_OLD_KEYS" help:"${old_keys_help}"`
	Demo        string        `env:"GATEHOUSE_DEMO" default:"auto" enum:"auto,true,false" help:"Demo accounts and content. auto turns them on only on a loopback address with a domain under localhost."`
	Grace       time.Duration `env:"GATEHOUSE_GRACE" default:"5s" help:"Time a replica gets to stop before it is killed."`
	SessionIdle time.Duration `env:"GATEHOUSE_SESSION_IDLE" default:"${session_idle}" help:"Time after which an unused session ends, from 1m to 24h."`

	Academy  academySettings `embed:""`
	Denylist denylistConfig  `embed:"" prefix:"denylist-"`
	SignIns  signInsConfig   `embed:"" prefix:"sign-ins-"`
}

// oldKeysHelp is the help text of each --old-keys.
const oldKeysHelp = "Previous values of GATEHOUSE_KEY, separated by commas. Data encrypted with them stays readable."

// redisHelp is the help text of each --redis-url.
const redisHelp = "redis:// or rediss://; redis-cluster:// with ?addr=host:port for each further node; redis-sentinel:// with ?master_name=NAME."

// serviceConfig has the flags of every replica.
type serviceConfig struct {
	Addr           string        `env:"GATEHOUSE_ADDR" default:"127.0.0.1:0" help:"Address (host:port) to listen on."`
	MetricsAddr    string        `env:"GATEHOUSE_METRICS_ADDR" help:"Address (host:port) for Prometheus metrics (default: none)."`
	URL            string        `env:"GATEHOUSE_URL" name:"url" default:"http://localhost:8080" help:"Base URL in browsers. With http://localhost:8080, the shop is at http://shop.localhost:8080."`
	Replica        string        `env:"GATEHOUSE_REPLICA" help:"Name of this replica (default: service and host name)."`
	RedisURL       string        `env:"REDIS_URL" name:"redis-url" required:"" help:"URL of Redis. ${redis_help}"`
	DatabaseURL    string        `env:"DATABASE_URL" name:"database-url" required:"" help:"Databases: sqlite:FOLDER or postgres://…"`
	TrustedProxies []string      `env:"GATEHOUSE_TRUSTED_PROXIES" help:"Networks (CIDR) whose X-Forwarded-For header is trusted, separated by commas."`
	Demo           bool          `env:"GATEHOUSE_DEMO" help:"Demo accounts and content. Don't use it where strangers can sign in."`
	DialLoopback   bool          `env:"GATEHOUSE_DIAL_LOOPBACK" help:"Reach other services under *.localhost on this machine."`
	Grace          time.Duration `env:"GATEHOUSE_GRACE" default:"5s" help:"Time that requests in progress get when the replica stops."`
	SessionIdle    time.Duration `env:"GATEHOUSE_SESSION_IDLE" default:"${session_idle}" help:"Time after which an unused session ends, from 1m to 24h."`

	Denylist denylistConfig `embed:"" prefix:"denylist-"`

	estate  web.Estate
	proxies []netip.Prefix
}

// appConfig has the flags of a replica of an app.
type appConfig struct {
	serviceConfig `embed:""`
	ClientSecret  string   `env:"GATEHOUSE_CLIENT_SECRET" required:"" help:"This app's secret as a client of the portal."`
	ServiceKeys   []string `env:"GATEHOUSE_SERVICE_KEYS" help:"Keys that encrypt this app's sessions, 32 bytes each in hex or base64, separated by commas. The first one encrypts, all decrypt (default: derived from the client secret)."`

	keys      [][]byte
	construct func(context.Context, apps.Deps) (service, error)
}

// portalConfig has the flags of a replica of the portal.
type portalConfig struct {
	serviceConfig `embed:""`
	Key           string            `env:"GATEHOUSE_KEY" required:"" help:"Key that encrypts sessions and stored signing keys, 32 bytes in hex or base64."`
	OldKeys       []string          `env:"GATEHOUSE_OLD_KEYS" help:"${old_keys_help}"`
	ClientSecrets map[string]string `env:"GATEHOUSE_CLIENT_SECRETS" required:"" help:"Client secret of each app, such as shop=SECRET;forum=SECRET."`
	Clients       string            `env:"GATEHOUSE_CLIENTS" help:"JSON file with additional clients (relying parties)."`

	SignIns signInsConfig `embed:"" prefix:"sign-ins-"`

	key      []byte
	oldKeys  [][]byte
	declared []clients.Client
}

// signInsConfig limits the sign-ins that succeed within ten minutes.
type signInsConfig struct {
	PerAccount int `env:"GATEHOUSE_SIGN_INS_PER_ACCOUNT" default:"20" help:"Maximum successful sign-ins per account in 10 minutes."`
	PerAddress int `env:"GATEHOUSE_SIGN_INS_PER_ADDRESS" default:"300" help:"Maximum successful sign-ins per IP address (IPv6: /64 network) in 10 minutes."`
}

func (c signInsConfig) check() error {
	if c.PerAccount < 1 || c.PerAddress < 1 {
		return errors.New("--sign-ins-per-account and --sign-ins-per-address must be at least 1")
	}
	return nil
}

// env returns the limits as environment variables for a replica's process.
func (c signInsConfig) env() []string {
	return []string{
		"GATEHOUSE_SIGN_INS_PER_ACCOUNT=" + strconv.Itoa(c.PerAccount), "GATEHOUSE_SIGN_INS_PER_ADDRESS=" + strconv.Itoa(c.PerAddress),
	}
}

type migrateConfig struct {
	DatabaseURL string `env:"DATABASE_URL" name:"database-url" required:"" help:"Databases: sqlite:FOLDER or postgres://…"`
}

type healthConfig struct {
	URL string `arg:"" help:"URL to check, such as http://127.0.0.1:8000/readyz"`
}

// common returns the flags that all services have.
func (c *serviceConfig) common() *serviceConfig { return c }

// run parses the command line and carries it out.
func run(ctx context.Context, args []string) error {
	var cmd commands
	options := []kong.Option{
		kong.Name("gatehouse"), kong.UsageOnError(), kong.Description("Single sign-on for many apps on many servers."),
		kong.Vars{"session_idle": session.DefaultIdle.String(), "redis_help": redisHelp, "old_keys_help": oldKeysHelp, "replicas": defaultReplicas()}, kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	}
	replicas := map[string]replica{}
	for _, s := range services {
		replicas[s.Key] = s.replica()
		options = append(options, kong.DynamicCommand(s.Key, "Run one replica of "+s.Name+".", "", replicas[s.Key]))
	}
	parser, err := kong.New(&cmd, options...)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return fmt.Errorf("%w (see gatehouse --help)", err)
	}
	switch name := parsed.Command(); name {
	case "up":
		return up(ctx, cmd.Up)
	case "laboratory":
		return laboratory(ctx)
	case "migrate":
		return migrate(ctx, cmd.Migrate)
	case "healthcheck <url>":
		return healthcheck(ctx, cmd.Healthcheck)
	default:
		return runReplica(ctx, name, replicas[name])
	}
}

// Validate implements kong's validation hook. It returns all errors joined.
func (c *upConfig) Validate() error {
	var wrong []error
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		wrong = append(wrong, fmt.Errorf("--addr %q is not host:port", c.Addr))
	}
	if _, err := netip.ParseAddr(c.Domain); err == nil || len(c.Domain) > maxDomain || !domainName.MatchString(c.Domain) {
		wrong = append(wrong, fmt.Errorf("--domain %q is not a domain such as localhost or example.com", c.Domain))
	}
	if _, err := parseReplicas(c.Replicas); err != nil {
		wrong = append(wrong, err)
	}
	if c.DatabaseURL != "" {
		wrong = append(wrong, db.CheckURL(c.DatabaseURL))
	}
	if c.RedisURL != "" {
		wrong = append(wrong, checkRedisURL(c.RedisURL))
	}
	if c.Key != "" {
		_, err := parseKey(c.Key)
		wrong = append(wrong, err)
	}
	_, err := parseKeys(c.OldKeys)
	wrong = append(wrong, err)
	_, err = readClients(c.Clients)
	return errors.Join(append(wrong, err, checkIdle(c.SessionIdle), c.Academy.check(), c.Denylist.check(), c.SignIns.check())...)
}

// Validate implements kong's validation hook. It also parses the URL and the trusted proxies.
func (c *serviceConfig) Validate() error {
	var wrong []error
	var err error
	if c.estate, err = web.ParseEstate(c.URL, shownApps()...); err != nil {
		wrong = append(wrong, err)
	}
	for _, p := range c.TrustedProxies {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(p))
		if err != nil {
			wrong = append(wrong, fmt.Errorf("--trusted-proxies: %q is not a network such as 10.0.0.0/8", p))
			continue
		}
		c.proxies = append(c.proxies, prefix)
	}
	if c.DatabaseURL != "" { // if it is missing, kong reports it
		wrong = append(wrong, db.CheckURL(c.DatabaseURL))
	}
	if c.RedisURL != "" {
		wrong = append(wrong, checkRedisURL(c.RedisURL))
	}
	return errors.Join(append(wrong, checkIdle(c.SessionIdle), c.Denylist.check())...)
}

// checkIdle returns an error unless the idle time of sessions is one that makes sense.
func checkIdle(idle time.Duration) error {
	if idle < time.Minute || idle > session.DefaultAbsolute {
		return fmt.Errorf("--session-idle must be from 1m to %s", session.DefaultAbsolute)
	}
	return nil
}

// Validate implements kong's validation hook. It also parses the keys and the declared clients.
func (c *portalConfig) Validate() error {
	var err1, err2, err3 error
	if c.Key != "" {
		c.key, err1 = parseKey(c.Key)
	}
	c.declared, err2 = readClients(c.Clients)
	c.oldKeys, err3 = parseKeys(c.OldKeys)
	return errors.Join(c.serviceConfig.Validate(), err1, err2, err3, c.checkSecrets(), c.SignIns.check())
}

// checkSecrets returns an error for each app without a client secret.
func (c *portalConfig) checkSecrets() error {
	if len(c.ClientSecrets) == 0 {
		return nil // kong says that the flag is missing
	}
	var wrong []error
	for _, s := range services {
		if s.Key != "portal" && c.ClientSecrets[s.Key] == "" {
			wrong = append(wrong, fmt.Errorf("--client-secrets has no secret for %s", s.Key))
		}
	}
	return errors.Join(wrong...)
}

// Validate implements kong's validation hook. It also parses the keys, or derives one from the client secret.
func (c *appConfig) Validate() error {
	var err error
	if c.keys, err = parseKeys(c.ServiceKeys); err == nil && len(c.keys) == 0 {
		secret := sha256.Sum256([]byte(c.ClientSecret)) // the secret may have any length; a key needs 32 bytes
		c.keys = [][]byte{secret[:]}
	}
	return errors.Join(c.serviceConfig.Validate(), err)
}

// Validate implements kong's validation hook.
func (c *migrateConfig) Validate() error {
	if c.DatabaseURL == "" {
		return nil
	}
	return db.CheckURL(c.DatabaseURL)
}

// maxDomain is the maximum length of a domain, in bytes. It leaves room for a service's name in front (RFC 1035
// §2.3.4).
const maxDomain = 240

// domainName matches one or more labels of letters, digits and inner hyphens (RFC 1123 §2.1).
var domainName = regexp.MustCompile(`(?i)^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

const maxReplicas = 64

// defaultReplicas returns the default of --replicas, such as "portal=2,shop=2".
func defaultReplicas() string {
	var parts []string
	for _, s := range services {
		parts = append(parts, s.Key+"="+strconv.Itoa(s.replicas))
	}
	return strings.Join(parts, ",")
}

// parseReplicas parses "3" or "portal=2,shop=4". A service that is not named keeps its default.
func parseReplicas(s string) (map[string]int, error) {
	n := map[string]int{}
	for _, service := range services {
		n[service.Key] = service.replicas
	}
	for part := range strings.SplitSeq(s, ",") {
		service, number, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			service, number = "", service
		}
		count, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil || count < 0 || count > maxReplicas {
			return nil, fmt.Errorf("--replicas: %q is not a number from 0 to %d", number, maxReplicas)
		}
		if _, known := n[service]; named && !known {
			return nil, fmt.Errorf("--replicas: unknown service %q", service)
		}
		for s := range n {
			if !named || s == service {
				n[s] = count
			}
		}
	}
	if n["portal"] == 0 {
		return nil, errors.New("--replicas: at least one portal is required for sign-in")
	}
	return n, nil
}

const keyLength = 32

func parseKey(s string) ([]byte, error) {
	s = strings.TrimSpace(s)
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if key, err := decode(s); err == nil && len(key) == keyLength {
			return key, nil
		}
	}
	return nil, fmt.Errorf("the key must be %d random bytes in hex or base64; create one with: openssl rand -hex %d", keyLength, keyLength)
}

// parseKeys parses each key and skips empty strings.
func parseKeys(texts []string) (keys [][]byte, err error) {
	for _, text := range texts {
		if text == "" { // an environment variable that is set but empty
			continue
		}
		key, err := parseKey(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

const maxClientsFile = 1 << 20

// readClients reads the JSON file of declared clients. It returns nil for an empty file name.
func readClients(name string) ([]clients.Client, error) {
	if name == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("can't read the file of clients: %w", err)
	}
	if len(raw) > maxClientsFile {
		return nil, fmt.Errorf("the file of clients %s is larger than 1 MiB", name)
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields() // a misspelt field would be ignored
	var list []clients.Client
	if err := dec.Decode(&list); err != nil {
		return nil, fmt.Errorf("the file of clients %s: %w", name, err)
	}
	return list, nil
}
