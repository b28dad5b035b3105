// Draw static/postern.svg as PNG, for browsers that want one: icons.cjs SVG FOLDER
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { Resvg, initWasm } = require("@resvg/resvg-wasm");

// Apple rounds the corners itself, and shows transparent ones black.
const ICONS = [
  { width: 32 },
  { width: 180, background: "#1f5c4b" },
];

async function main(source, folder) {
  await initWasm(fs.readFileSync(require.resolve("@resvg/resvg-wasm/index_bg.wasm")));
  const svg = fs.readFileSync(source, "utf8");
  for (const { width, background } of ICONS) {
    const image = new Resvg(svg, { background, fitTo: { mode: "width", value: width } }).render();
    fs.writeFileSync(path.join(folder, `icon-${width}.png`), image.asPng());
  }
}

main(...process.argv.slice(2));
