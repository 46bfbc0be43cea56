// Builds what the binary embeds: static/app.css, the scripts and the font in static/, and the icons in icons/.
// Run it as "npm run css" from the repository's root whenever a .templ file uses a new class or a new icon.
// The results are committed; the same sources give the same bytes.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const modules = join(root, "node_modules");

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || entry.name === "node_modules" || entry.name === "data") continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.templ$|\.go$/.test(entry.name) && !/_templ\.go$|_test\.go$/.test(entry.name)) yield path;
  }
}

// An icon is used where a page says Icon("name", …), where a view struct says Icon: "name", or where a list in the
// code is marked with the comment "icons:" on its line.
function usedIcons() {
  const names = new Set();
  for (const path of sources(root)) {
    const text = readFileSync(path, "utf8");
    for (const [, name] of text.matchAll(/\bIcon(?:\(|:\s*)"([a-z0-9-]+)"/g)) names.add(name);
    for (const [, list] of text.matchAll(/\/\/ icons: ([a-z0-9 -]+)/g)) {
      for (const name of list.trim().split(/\s+/)) names.add(name);
    }
  }
  return [...names].sort();
}

function copyIcons() {
  const target = join(here, "icons");
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(target)) rmSync(join(target, name));
  const missing = [];
  for (const name of usedIcons()) {
    const path = join(modules, "lucide-static", "icons", name + ".svg");
    if (!statSync(path, { throwIfNoEntry: false })) {
      missing.push(name);
      continue;
    }
    const svg = readFileSync(path, "utf8");
    const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
    writeFileSync(join(target, name + ".svg"), shapes.replace(/\s*\n\s*/g, "").trim() + "\n");
  }
  copyFileSync(join(modules, "lucide-static", "LICENSE"), join(target, "LICENSE"));
  if (missing.length > 0) throw new Error("Lucide has no icon named " + missing.join(", "));
}

function copy(from, name = basename(from)) {
  copyFileSync(join(modules, from), join(here, "static", name));
}

// Source maps are not shipped, so their reference would only be a 404 in the developer tools.
function copyScript(from) {
  const text = readFileSync(join(modules, from), "utf8");
  writeFileSync(join(here, "static", basename(from)), text.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n"));
}

mkdirSync(join(here, "static"), { recursive: true });
copyIcons();
copyScript("htmx.org/dist/htmx.min.js");
copyScript("htmx.org/dist/ext/hx-sse.min.js");
copy("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2", "inter-latin.woff2");
copy("@fontsource-variable/inter/LICENSE", "inter-license.txt"); // the SIL Open Font License asks to go with the font
for (const name of readdirSync(join(here, "src"))) {
  if (/\.(js|svg)$/.test(name)) copyFileSync(join(here, "src", name), join(here, "static", name));
}
execFileSync(
  process.execPath,
  [join(modules, "@tailwindcss", "cli", "dist", "index.mjs"), "-i", "assets/src/app.css", "-o", "assets/static/app.css", "--minify"],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);
