// Makes a page for each dashboard and each day of FOLDER/answers.json, and prints its name and height.

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2];
const answers = JSON.parse(readFileSync(join(folder, "answers.json"), "utf8"));

// The height of a row of Kibana's grid with its margin, and of the controls above the grid.
const ROW = 28;
const ABOVE = 64;

for (const dashboard of answers) {
  const rows = Math.max(...dashboard.panels.map(({ grid }) => grid.y + grid.h));
  const height = ABOVE + rows * ROW + 8;
  const data = JSON.stringify(dashboard).replaceAll("<", "\\u003c");
  writeFileSync(
    join(folder, `${dashboard.name}.html`),
    `<!doctype html><meta charset="utf-8"><title>${dashboard.title}</title>
<style>${readFileSync(join(here, "look.css"), "utf8")}</style><body></body>
<script src="node_modules/echarts/dist/echarts.min.js"></script>
<script>const DASHBOARD = ${data};</script>
<script>${readFileSync(join(here, "draw.js"), "utf8")}</script>`,
  );
  console.log(dashboard.name, height);
}
