// Starts the program for the browser tests: built once, on a free port, with a data folder of its own, an embedded Redis and
// SQLite. If Playwright dies before it stops the program, the shell around it sees its pipe close and stops it all the same.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

const watch = `data=$0; exec 3<&0
"$@" </dev/null 3<&- & program=$!
{ cat <&3; kill -s TERM $program; sleep 20; kill -s KILL $program; } >/dev/null 2>&1 & watcher=$!
wait $program; code=$?
kill $watcher 2>/dev/null
rm -rf "$data"
exit $code`;

function build() {
  if (process.env.GATEHOUSE_BINARY) return process.env.GATEHOUSE_BINARY;
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "gatehouse-tests");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const binary = join(folder, "gatehouse-e2e");
  execFileSync("go", ["build", "-o", binary, "./cmd/gatehouse"], { cwd: root, stdio: "inherit" });
  return binary;
}

// running holds the data folders of the estates that run.
const running = new Set();

// start runs `gatehouse up` and resolves once it says where the portal is. A replica that does not run for as long as the denylist's
// bound refuses people; its default of a second is too short for a busy machine. One person signs in for
// many tests.
export async function start(args = []) {
  const binary = build();
  const data = mkdtempSync(join(tmpdir(), "gatehouse-e2e-"));
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(GATEHOUSE_|REDIS_URL$|DATABASE_URL$)/.test(name)),
  );
  const up = [binary, "up", "--addr", "127.0.0.1:0", "--data", data, "--denylist-bound", "3s",
    "--sign-ins-per-account", "100000", "--sign-ins-per-address", "100000", ...args];
  const child = spawn("/bin/sh", ["-c", watch, data, ...up], { env, detached: true, stdio: "pipe" });
  const ended = new Promise((resolve) => child.on("close", resolve));
  let said = "";
  const ready = new Promise((resolve, reject) => {
    const listen = (chunk) => {
      said += chunk;
      const portal = said.match(/http:\/\/portal\.(localhost:\d+)/);
      if (portal) resolve(`http://${portal[1]}`);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    ended.then((code) => reject(new Error(`gatehouse up ended with ${code}:\n${said}`)));
    setTimeout(() => reject(new Error(`gatehouse up is not ready after a minute:\n${said}`)), 60_000).unref();
  });
  running.add(data);
  const stop = async () => {
    running.delete(data);
    child.stdin.end();
    const code = await ended;
    if (code !== 0) throw new Error(`gatehouse up ended with ${code}:\n${said}`);
  };
  try {
    return { base: await ready, data, stop };
  } catch (error) {
    child.stdin.end();
    throw error;
  }
}

// keepLogs copies the logs of all estates of this process that run into folder.
export function keepLogs(folder) {
  for (const data of running) if (existsSync(join(data, "logs"))) cpSync(join(data, "logs"), join(folder, basename(data)), { recursive: true });
}

// setUp builds the program once, for all workers.
export default async function setUp() {
  process.env.GATEHOUSE_BINARY = build();
}
