// Draws DASHBOARD: panels with the JSON that Kibana gets and the rows that Elasticsearch answered.

const COLUMN = 30;
const ROW = 28;
const MARGIN = 8;
const ABOVE = 64;

const element = (parent, kind, className, text) => {
  const made = document.createElement(kind);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
};

// ---- Kibana's rules

// Returns the colour of a number by a palette of absolute numbers: the first upper bound above the
// number decides. NaN is below no bound and takes the first colour. A number below the range has no
// colour.
function colorByNumber({ params }, number) {
  if (number < params.rangeMin) return undefined;
  const below = params.stops.find(({ stop }) => number < stop);
  const last = params.stops.at(-1);
  return (below ?? (number >= last.stop ? last : params.stops[0])).color;
}

const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
  [1, "ms"],
];

function formatted(value, format = { id: "number", params: { decimals: 0 } }) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  const { decimals = 0 } = format.params ?? {};
  const fixed = (number, most = decimals) =>
    number.toLocaleString("en-US", { maximumFractionDigits: most });
  switch (format.id) {
    case "percent":
      return `${fixed(value * 100)}%`;
    case "bytes": {
      const power = value < 1 ? 0 : Math.min(4, Math.floor(Math.log2(value) / 10));
      return `${fixed(value / 1024 ** power)}${["B", "KB", "MB", "GB", "TB"][power]}`;
    }
    case "duration": {
      const [unit, name] = UNITS.find(([unit]) => value >= unit) ?? UNITS.at(-1);
      return `${(value / unit).toFixed(decimals)} ${name}`;
    }
    default:
      return fixed(value);
  }
}

// Returns black or white, whichever is easier to read on a colour.
function textOn(color) {
  if (!color) return "inherit";
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#1d2a3e" : "#fff";
}

// ---- Panels

// Returns the only layer of a panel: its columns in their order, without the parts of formulas.
function layer(panel) {
  const { formBased, textBased } = panel.config.attributes.state.datasourceStates;
  if (formBased) {
    const [{ columns, columnOrder }] = Object.values(formBased.layers);
    const parts = new Set(Object.values(columns).flatMap((column) => column.references ?? []));
    const drawn = columnOrder.filter((id) => !parts.has(id));
    const of = (isGroup) =>
      drawn
        .filter((id) => columns[id].isBucketed === isGroup)
        .map((id) => ({ id, label: columns[id].label, format: columns[id].params?.format, column: columns[id] }));
    return { groups: of(true), numbers: of(false) };
  }
  const [{ columns }] = Object.values(textBased.layers);
  const of = (isNumber) =>
    columns
      .filter(({ inMetricDimension }) => inMetricDimension === isNumber)
      .map(({ columnId, label }) => ({ id: columnId, label, column: {} }));
  return { groups: of(false), numbers: of(true) };
}

function drawTile(body, panel) {
  const { numbers } = layer(panel);
  const { palette, color, applyColorTo } = panel.config.attributes.state.visualization;
  const values = panel.rows[0]?.numbers ?? numbers.map(({ column }) => (column.operationType === "count" ? 0 : null));
  const value = values[0] ?? NaN;
  // `color` without `applyColorTo` fills the tile.
  const fill = palette ? colorByNumber(palette, value) : applyColorTo ? undefined : color;
  const tile = element(body, "div", "tile");
  if (fill) Object.assign(tile.style, { background: fill, color: textOn(fill) });
  const head = element(tile, "div");
  const name = element(head, "div", "name", numbers[0].label);
  if (panel.config.description) element(name, "i", "", "i");
  const shown = (index) => formatted(values[index], numbers[index].format) || "N/A";
  if (numbers[1]) element(head, "div", "second", `${numbers[1].label}  ${shown(1)}`);
  element(tile, "div", "value", shown(0));
}

function drawTable(body, panel) {
  const { groups, numbers } = layer(panel);
  const { columns, paging } = panel.config.attributes.state.visualization;
  const rows = [...panel.rows];
  if (groups.some(({ column }) => column.operationType === "terms"))
    rows.sort((one, other) => (other.numbers[0] ?? -1) - (one.numbers[0] ?? -1));
  if (!rows.length) return void element(body, "div", "empty", "No results found");
  const table = element(body, "table");
  const head = element(table, "tr");
  const headers = [...groups, ...numbers].map(({ label }) => element(head, "th", "", label));
  headers.slice(groups.length).forEach((header) => header.classList.add("number"));
  // Columns without a width share the rest.
  columns.forEach(({ width }, index) => width && (headers[index].style.width = `${width}px`));
  for (const row of rows.slice(0, paging.size)) {
    const line = element(table, "tr");
    row.labels.forEach((label) => element(line, "td", "", label === "__missing__" ? "(missing value)" : label));
    numbers.forEach(({ id, format }, index) => {
      const cell = element(line, "td", "number", formatted(row.numbers[index], format));
      const { palette } = columns.find(({ columnId }) => columnId === id);
      const color = palette && row.numbers[index] !== null ? colorByNumber(palette, row.numbers[index]) : undefined;
      if (color) Object.assign(cell.style, { background: color, color: textOn(color) });
    });
  }
  if (rows.length > paging.size) element(body, "div", "pager", `Rows per page: ${paging.size}  ‹ 1 … ›`);
}

function chart(body, option) {
  const place = element(body, "div", "chart");
  // The place has its size when the page is laid out.
  setTimeout(() => echarts.init(place).setOption({ animation: false, ...option }));
}

function drawXy(body, panel) {
  const { numbers } = layer(panel);
  const { layers: [drawn], yLeftScale: scale } = panel.config.attributes.state.visualization;
  if (!panel.rows.length) return void element(body, "div", "empty", "No results found");
  const rows = panel.rows.toSorted((one, other) => one.labels[0] - other.labels[0]);
  const isStacked = drawn.seriesType.endsWith("stacked");
  const isShare = drawn.seriesType.endsWith("percentage_stacked");
  const whole = (row) => (isShare ? row.numbers.reduce((sum, number) => sum + number, 0) / 100 : 1);
  const value = (number, row) => (number === null || (scale === "log" && !number) ? null : number / whole(row));
  const series = numbers.map(({ id, label }, index) => ({
    name: label,
    type: drawn.seriesType.startsWith("bar") ? "bar" : "line",
    stack: isStacked ? "all" : undefined,
    areaStyle: drawn.seriesType.startsWith("area") ? {} : undefined,
    showSymbol: false,
    barCategoryGap: "5%",
    // A colour of the default palette is pink here, so that people notice it.
    color: drawn.yConfig.find(({ forAccessor }) => forAccessor === id)?.color ?? "#ff00ff",
    data: rows.map((row) => [Number(row.labels[0]), value(row.numbers[index], row)]),
  }));
  chart(body, {
    grid: { left: 60, right: 12, top: 12, bottom: 52 },
    legend: { bottom: 0, icon: "roundRect", itemWidth: 10 },
    xAxis: { type: "time", min: DASHBOARD.from, max: DASHBOARD.to },
    yAxis: {
      type: scale === "log" ? "log" : "value",
      max: isShare ? 100 : undefined,
      axisLabel: { formatter: (value) => (isShare ? `${value}%` : formatted(value, numbers[0].format)) },
    },
    series,
  });
}

function drawHeatmap(body, panel) {
  const { groups } = layer(panel);
  const { palette } = panel.config.attributes.state.visualization;
  if (!panel.rows.length) return void element(body, "div", "empty", "No results found");
  const group = groups.findIndex(({ column }) => column.operationType !== "date_histogram");
  const names = groups[group].column.params.filters.map(({ label }) => label);
  const times = [];
  for (let time = DASHBOARD.from; time < DASHBOARD.to; time += DASHBOARD.step) times.push(time);
  const most = Math.max(...panel.rows.map(({ numbers }) => numbers[0]));
  const data = panel.rows.map(({ labels, numbers }) => {
    const share = (100 * numbers[0]) / most;
    const color = (palette.params.stops.find(({ stop }) => share < stop) ?? palette.params.stops.at(-1)).color;
    const at = [times.indexOf(Number(labels[1 - group])), names.indexOf(labels[group]), numbers[0]];
    return { value: at, itemStyle: { color } };
  });
  chart(body, {
    grid: { left: 100, right: 12, top: 8, bottom: 28 },
    xAxis: { type: "category", data: times.map((time) => new Date(time).toISOString().slice(11, 16)) },
    yAxis: { type: "category", data: names, inverse: true },
    series: [{ type: "heatmap", data }],
  });
}

function drawMap(body, panel) {
  if (!panel.cells.length) return void element(body, "div", "empty", "No results found");
  const most = Math.max(...panel.cells.map(({ count }) => count));
  const data = panel.cells.map(({ lon, lat, count }) => ({
    value: [lon, lat],
    symbolSize: 7 + 25 * Math.sqrt(count / most),
    label: { show: true, formatter: String(count), fontSize: 10 },
  }));
  const axis = { type: "value", axisLabel: { show: false } };
  chart(body, {
    grid: { left: 8, right: 8, top: 8, bottom: 8 },
    xAxis: { ...axis, min: -180, max: 180 },
    yAxis: { ...axis, min: -80, max: 80 },
    series: [{ type: "scatter", color: "#6092C0", data }],
  });
}

function drawSearch(body, panel) {
  if (!panel.hits.length) return void element(body, "div", "empty", "No results found");
  const columns = ["@timestamp", ...panel.config.attributes.columns];
  const table = element(body, "table");
  const head = element(table, "tr");
  // Discover breaks a long name anywhere, into three lines at most.
  const headers = columns.map((column) => element(head, "th", "wrapped", column));
  headers[0].style.width = "190px";
  for (const hit of panel.hits) {
    const line = element(table, "tr");
    const value = (column) => column.split(".").reduce((object, key) => object?.[key], hit) ?? "-";
    columns.forEach((column) => element(line, "td", "", String(value(column))));
  }
}

const DRAWN_BY = {
  lnsMetric: drawTile,
  lnsDatatable: drawTable,
  lnsXY: drawXy,
  lnsHeatmap: drawHeatmap,
  map: drawMap,
  search: drawSearch,
};

function draw(panel) {
  const { x, y, w, h } = panel.grid;
  const place = element(document.body, "div", "panel");
  Object.assign(place.style, {
    left: `${x * COLUMN + MARGIN / 2}px`,
    top: `${ABOVE + y * ROW}px`,
    width: `${w * COLUMN - MARGIN}px`,
    height: `${h * ROW - MARGIN}px`,
  });
  const { title, description, hidePanelTitles, attributes } = panel.config;
  if (panel.kind === "links") {
    const links = element(place, "div", "links");
    return attributes.links.forEach(({ label }) => element(links, "span", "", label));
  }
  if (!hidePanelTitles) {
    const head = element(place, "div", "title", title);
    if (description) element(head, "i", "", "i");
  }
  DRAWN_BY[attributes.visualizationType ?? panel.kind](place, panel);
  // Text that does not fit is marked; a list of documents scrolls in any case.
  if (panel.kind !== "search" && place.scrollHeight > place.clientHeight) place.classList.add("overflow");
}

const controls = element(document.body, "div", "controls");
for (const label of DASHBOARD.controls) {
  const control = element(controls, "div", "control");
  element(control, "b", "", label);
  element(control, "span", "", "Any");
}
DASHBOARD.panels.forEach(draw);
