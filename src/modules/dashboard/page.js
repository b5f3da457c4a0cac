/**
 * The page of hopway_dashboard. What clients sent (paths, names, agents) is only ever put in as text: nothing here makes
 * HTML of strings.
 */

const HISTORY_MS = 10 * 60_000;
/** Percentiles are those of the last minute. */
const WINDOW_MS = 60_000;
/** A chart of less than this would be nothing but the last few seconds. */
const LEAST_CHART_MS = 60_000;
/** Rows of a table that are shown at first; there are as many peers as the configuration has, and they keep their order. */
const FIRST_ROWS = 5;
const FIRST_PEERS = 20;
const RETRY_MS = [1000, 2000, 5000, 10_000];

const CLOSE_WORDS = {
  1000: "done",
  1001: "going away",
  1002: "protocol error",
  1003: "unacceptable data",
  1005: "no code",
  1006: "no Close frame",
  1007: "invalid text",
  1008: "against policy",
  1009: "message too big",
  1010: "extension missing",
  1011: "error in the server",
  1012: "service restarts",
  1013: "try again later",
  1014: "bad gateway",
};

/** Every sum that came: { time, ...totals }. */
let sums = [];
/** Latencies that came: { time, connect, head, pingClient, pingUpstream }. */
let latencies = [];
let last;
let reasons = {};
let bounds = [];
/** URI of an API that takes changes from here; undefined where there is none. */
let api;

// Making elements

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const byId = (id) => document.getElementById(id);

// Texts

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

function count(value) {
  return value < 100_000 ? whole.format(Math.round(value)) : short.format(value);
}

function rate(value) {
  if (value >= 1000) return short.format(value);
  return value === 0 ? "0" : value < 10 ? value.toFixed(1) : String(Math.round(value));
}

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function milliseconds(value) {
  if (value === undefined || value < 0) return "\u2013";
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return twoUnits(seconds, 60, "min", 1, "s");
  if (seconds < 86_400) return twoUnits(seconds, 3600, "h", 60, "min");
  return twoUnits(seconds, 86_400, "d", 3600, "h");
}

function twoUnits(seconds, large, largeName, small, smallName) {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`;
}

function total(numbers) {
  return Object.values(numbers).reduce((sum, value) => sum + value, 0);
}

// What is computed

/** How fast a sum grew between two of them, per second. A reload may have taken some of it away. */
function growth(before, after, read) {
  const seconds = (after.time - before.time) / 1000;
  return seconds <= 0 ? 0 : Math.max(0, read(after) - read(before)) / seconds;
}

/** Values of the last ten minutes: { time, value }. */
function rates(read) {
  return sums.slice(1).map((after, i) => ({ time: after.time, value: growth(sums[i], after, read) }));
}

/** Of the last few seconds. */
function rateNow(read) {
  const after = sums.at(-1);
  const before = sums.findLast(({ time }) => time <= after.time - 2900) ?? sums[0];
  return growth(before, after, read);
}

/** Counts by size of the last minute; of all time where there were none. */
function recentLatency(name) {
  const now = latencies.at(-1)?.[name] ?? [];
  const then = latencies[0]?.[name] ?? [];
  const recent = now.map((value, i) => Math.max(0, value - (then[i] ?? 0)));
  return total(recent) > 0 ? recent : now;
}

/** Estimates a quantile within the size that it falls in; undefined without values. */
function quantile(counts, q) {
  const all = total(counts);
  if (all === 0) return undefined;
  let rank = q * all;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] > 0 && rank <= counts[i]) {
      const low = i === 0 ? 0 : bounds[i - 1];
      const high = bounds[i] ?? low;
      return low + ((high - low) * rank) / counts[i];
    }
    rank -= counts[i];
  }
  return bounds.at(-1);
}

const merge = (a, b) => a.map((value, i) => value + (b[i] ?? 0));

// Tiles

const tiles = new Map();

function tile(title, value, unit, note) {
  let made = tiles.get(title);
  if (made === undefined) {
    made = { value: element("div", "value"), note: element("p") };
    tiles.set(title, made);
    const box = element("div", "tile", element("h2", "", title), made.value, made.note);
    box.dataset.tile = title;
    byId("tiles").append(box);
  }
  made.value.replaceChildren(value, " ", element("small", "", unit));
  made.note.textContent = note;
}

function showTiles(now) {
  const { totals } = now;
  tile("Open tunnels", count(totals.tunnelsOpen), "", `${count(totals.tunnelsOpened)} opened in all`);
  tile(
    "Handshakes",
    rate(rateNow((sum) => sum.handshakes)),
    "/s",
    `${rate(rateNow((sum) => total(sum.refusals)))} /s refused`,
  );
  tile(
    "Messages",
    rate(rateNow((sum) => sum.messagesIn + sum.messagesOut)),
    "/s",
    `${rate(rateNow((sum) => sum.messagesIn))} in, ${rate(rateNow((sum) => sum.messagesOut))} out`,
  );
  const bytesIn = rateNow((sum) => sum.bytesIn);
  const bytesOut = rateNow((sum) => sum.bytesOut);
  tile("Payload", bytes(bytesIn + bytesOut), "/s", `${bytes(bytesIn)} in, ${bytes(bytesOut)} out`);
  tile("Requests", rate(rateNow((sum) => total(sum.requests))), "/s", `${now.connections.waiting} connections wait`);
  const connect = recentLatency("connect");
  tile("Connect to peers", milliseconds(quantile(connect, 0.5)), "p50", `${milliseconds(quantile(connect, 0.99))} p99`);
  const ping = merge(recentLatency("pingClient"), recentLatency("pingUpstream"));
  tile("Ping round trip", milliseconds(quantile(ping, 0.5)), "p50", `${milliseconds(quantile(ping, 0.99))} p99`);
}

// Charts

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 600;
const HEIGHT = 110;
const charts = new Map();

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function makeChart(title, series) {
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  svg.append(shape("line", { x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }));
  const lines = series.map(({ color }) => {
    const group = shape("g", { class: color });
    const area = shape("path", { class: "area" });
    const line = shape("path", { class: "line" });
    group.append(area, line);
    svg.append(group);
    return { area, line };
  });
  const most = element("span", "most");
  const legend = series.length === 1 ? [] : series.map(({ name, color }) => element("span", color, name));
  const from = element("span");
  const heading = element("h2", "", element("b", "", title), ...legend);
  const footer = element("footer", "", from, element("span", "", "now"));
  byId("charts").append(element("div", "chart", heading, element("div", "plot", svg, most), footer));
  return { svg, lines, most, from };
}

function chart(title, unit, series) {
  let made = charts.get(title);
  if (made === undefined) {
    made = makeChart(title, series);
    charts.set(title, made);
  }
  const end = sums.at(-1).time;
  const range = Math.min(HISTORY_MS, Math.max(LEAST_CHART_MS, end - sums[0].time));
  const top = Math.max(...series.flatMap(({ points }) => points.map(({ value }) => value)), 0);
  const scale = top === 0 ? 1 : top;
  for (const [i, { points }] of series.entries()) {
    const at = points.map(({ time, value }) => {
      const x = WIDTH - ((end - time) / range) * WIDTH;
      return `${x.toFixed(1)} ${(HEIGHT - (value / scale) * (HEIGHT - 16)).toFixed(1)}`;
    });
    const path = at.length === 0 ? "" : `M${at.join("L")}`;
    const first = at[0]?.split(" ")[0];
    made.lines[i].line.setAttribute("d", path);
    made.lines[i].area.setAttribute("d", path === "" ? "" : `${path}L${WIDTH} ${HEIGHT}L${first} ${HEIGHT}Z`);
  }
  made.from.textContent = `${age(range)} ago`;
  made.most.textContent = `${unit === "B/s" ? bytes(top) : rate(top)}${unit === "B/s" ? "/s" : unit}`;
  const said = series.map(({ name, points }) => `${name} ${rate(points.at(-1)?.value ?? 0)}`).join(", ");
  made.svg.setAttribute("aria-label", `${title}: ${said}`);
}

function showCharts() {
  const open = sums.map(({ time, tunnelsOpen }) => ({ time, value: tunnelsOpen }));
  chart("Open tunnels", "", [{ name: "open", color: "blue", points: open }]);
  chart("Handshakes", "/s", [
    { name: "accepted", color: "green", points: rates((sum) => sum.handshakes) },
    { name: "refused", color: "red", points: rates((sum) => total(sum.refusals)) },
  ]);
  chart("Messages", "/s", [
    { name: "from clients", color: "blue", points: rates((sum) => sum.messagesIn) },
    { name: "to clients", color: "violet", points: rates((sum) => sum.messagesOut) },
  ]);
  chart("Payload", "B/s", [
    { name: "from clients", color: "blue", points: rates((sum) => sum.bytesIn) },
    { name: "to clients", color: "violet", points: rates((sum) => sum.bytesOut) },
  ]);
}

// Tables

/** Replaces a table. A column: [title, cell of an entry, kind]; kind: number, action, or wide (a row of its own on phones). */
function table(id, entries, empty, columns) {
  const box = byId(id);
  if (entries.length === 0) {
    box.replaceChildren(element("p", "empty", empty));
    return;
  }
  const head = element(
    "tr",
    "",
    ...columns.map(([title, , kind]) => element("th", kind === "number" ? kind : "", title)),
  );
  const first = id === "peers" ? FIRST_PEERS : FIRST_ROWS;
  const shown = opened.has(id) ? entries : entries.slice(0, first);
  const rows = shown.map((entry) => {
    const cells = columns.map(([title, cell, kind = ""]) => {
      const content = cell(entry);
      const made = element("td", kind);
      if (content !== "") made.append(element("div", "", ...(Array.isArray(content) ? content : [content])));
      made.dataset.label = title;
      return made;
    });
    return element("tr", "", ...cells);
  });
  // A button that has the focus keeps it.
  const focused = document.activeElement?.dataset?.key;
  box.replaceChildren(element("table", "", element("thead", "", head), element("tbody", "", ...rows)));
  if (entries.length > first) box.append(moreButton(id, entries.length));
  if (focused !== undefined) box.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** Tables of which all rows are shown. */
const opened = new Set();

function moreButton(id, all) {
  const made = element("button", "more", opened.has(id) ? "Show fewer" : `Show all ${all}`);
  made.type = "button";
  made.dataset.key = `more ${id}`;
  made.addEventListener("click", () => {
    if (!opened.delete(id)) opened.add(id);
    redraw();
  });
  return made;
}

const small = (text) => element("small", "", text);

function showPeers(peers) {
  const failures = ({ failures }) => {
    const all = total(failures);
    return all === 0 ? "0" : [count(all), " ", small(Object.keys(failures).join(", ").replaceAll("_", " "))];
  };
  const columns = [
    ["Upstream", ({ upstream }) => upstream],
    ["Peer", ({ peer, backup }) => (backup ? [peer, " ", small("backup")] : peer)],
    ["State", (peer) => element("span", `chip ${peer.state}`, peer.drainedByOperator ? "drained" : peer.state)],
    ["Active", ({ active, maxConns }) => (maxConns > 0 ? `${count(active)} of ${maxConns}` : count(active)), "number"],
    ["Tunnels", ({ tunnels }) => count(tunnels), "number"],
    ["Answers", ({ responses }) => count(total(responses)), "number"],
    ["Failures", failures, "number"],
    ["Connect p50", ({ connect }) => milliseconds(quantile(connect, 0.5)), "number"],
    ["p99", ({ connect }) => milliseconds(quantile(connect, 0.99)), "number"],
  ];
  if (api !== undefined) columns.push(["", drainButton, "action"]);
  table("peers", peers, "No location passes requests on.", columns);
}

function drainButton(peer) {
  const drained = peer.state === "draining";
  const made = element("button", "", drained ? "Undrain" : "Drain");
  made.type = "button";
  made.disabled = peer.state === "down" || (drained && !peer.drainedByOperator);
  made.dataset.key = `${peer.upstream} ${peer.peer}`;
  made.addEventListener("click", () => drain(peer, !drained, made));
  return made;
}

async function drain({ upstream, peer }, on, button) {
  button.disabled = true;
  const note = byId("peers-note");
  try {
    const query = new URLSearchParams({ upstream, peer, drain: on ? "on" : "off" });
    const answer = await fetch(`${api}?${query}`, { method: "POST" });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(said.error ?? `status ${answer.status}`);
    note.className = "note";
    const drained = "drained: it gets nothing new; what it has stays, WebSockets with websocket_drain excepted";
    note.textContent = `${peer} of ${upstream} is ${on ? drained : "back"}.`;
  } catch (error) {
    note.className = "note bad";
    note.textContent = `${peer} of ${upstream} is as it was: ${error.message}`;
    button.disabled = false;
  }
}

function showRefusals(now) {
  const counted = Object.entries(now.totals.refusals).sort(([, a], [, b]) => b - a);
  table("reasons", counted, "None so far.", [
    ["Why", ([reason]) => reasons[reason] ?? reason, "wide"],
    ["How often", ([, value]) => count(value), "number"],
  ]);
  const parts = [
    ["When", ({ at }) => `${age(now.time - at)} ago`],
    ["Why", ({ reason }) => reason.replaceAll("_", " ")],
    ["Client", ({ client }) => client],
    ["Asked for", ({ host, path }) => [host, path]],
    ["Status", ({ status }) => String(status), "number"],
    ["Origin", ({ origin }) => origin],
    ["User-Agent", ({ userAgent }) => small(userAgent)],
  ];
  table("refused", now.refused, "None so far.", parts);
}

function showTunnels(now) {
  const place = [
    ["Client", ({ client }) => client],
    ["Asked for", ({ host, path }) => [host, path]],
    ["Peer", ({ peer }) => peer],
  ];
  const messages = ({ messagesIn, messagesOut }) =>
    messagesIn < 0 ? "\u2013" : `${count(messagesIn)} in, ${count(messagesOut)} out`;
  const roundTrips = [
    ["Ping client", ({ clientRoundTripMs }) => milliseconds(clientRoundTripMs), "number"],
    ["Ping peer", ({ upstreamRoundTripMs }) => milliseconds(upstreamRoundTripMs), "number"],
  ];
  const open = [...place, ["Age", ({ ageMs }) => age(ageMs), "number"]];
  table("largest", now.largest, "No tunnel is open.", [
    ...open,
    ["Bytes in", ({ bytesIn }) => bytes(bytesIn), "number"],
    ["Bytes out", ({ bytesOut }) => bytes(bytesOut), "number"],
    ["Messages", messages, "number"],
  ]);
  table("slowest", now.slowest, "No tunnel has been pinged, and none holds anything up.", [
    ...open,
    ...roundTrips,
    ["Waiting", ({ waitingBytes }) => bytes(waitingBytes), "number"],
  ]);
  table("ended", now.ended, "None so far.", [
    ["When", ({ at }) => `${age(now.time - at)} ago`],
    ...open,
    ["Messages", messages, "number"],
    ["Close", closeText],
  ]);
}

function closeText({ closeCode, closedBy }) {
  if (closeCode === 0) return "";
  const words = CLOSE_WORDS[closeCode];
  return [`${closeCode} by ${closedBy}`, " ", small(words ?? "")];
}

function showLocations(locations) {
  const busy = locations.filter(({ requests, tunnelsOpened }) => total(requests) + tunnelsOpened > 0);
  table("locations", busy, "No request so far.", [
    ["Server", ({ server }) => server],
    ["Location", ({ location }) => location],
    ["Requests", ({ requests }) => count(total(requests)), "number"],
    ["4xx", ({ requests }) => count(requests["4xx"] ?? 0), "number"],
    ["5xx", ({ requests }) => count(requests["5xx"] ?? 0), "number"],
    ["Open tunnels", ({ tunnelsOpen }) => count(tunnelsOpen), "number"],
    ["Handshakes", ({ handshakes }) => count(handshakes), "number"],
    ["Refused", ({ refusals }) => count(total(refusals)), "number"],
    ["Messages in", (one) => count(one.in.messages), "number"],
    ["Messages out", (one) => count(one.out.messages), "number"],
  ]);
}

function showWorkers(workers) {
  table("workers", workers, "None.", [
    ["Worker", ({ worker }) => String(worker)],
    ["Process", ({ pid }) => String(pid), "number"],
    ["Connections", ({ connections }) => count(connections), "number"],
    ["Memory", ({ residentBytes }) => bytes(residentBytes), "number"],
    ["Processor time", ({ cpuSeconds }) => `${cpuSeconds.toFixed(1)} s`, "number"],
  ]);
}

// What comes

function receive(now) {
  bounds = now.latencyBoundsMs;
  sums = [...sums, { time: now.time, ...now.totals }].filter(({ time }) => time > now.time - HISTORY_MS);
  latencies = [...latencies, { time: now.time, ...now.latency }].filter(({ time }) => time > now.time - WINDOW_MS);
  last = now;
  redraw();
}

function redraw() {
  const now = last;
  byId("version").textContent = now.version;
  const failed = now.reloadsFailed === 0 ? "" : `, ${now.reloadsFailed} failed`;
  byId("since").textContent =
    `up ${age(now.time - now.startedAt)}, ${now.reloads === 1 ? "1 reload" : `${now.reloads} reloads`}${failed}`;
  showTiles(now);
  showCharts();
  showPeers(now.peers);
  showRefusals(now);
  showTunnels(now);
  showLocations(now.locations);
  showWorkers(now.workers);
}

async function greet(hello) {
  reasons = hello.reasons;
  sums = hello.past;
  latencies = [];
  // Whoever may not change anything is not offered to.
  const allowed = hello.api !== null && (await fetch(hello.api, { method: "HEAD" }).catch(() => undefined))?.ok;
  api = allowed ? hello.api : undefined;
}

function setState(state, text) {
  const shown = byId("state");
  shown.dataset.state = state;
  shown.textContent = text;
}

let retries = 0;

function connect() {
  const url = new URL(location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  const socket = new WebSocket(url);
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "hello") greet(message);
    else receive(message);
    retries = 0;
    setState("live", "live");
  });
  socket.addEventListener("close", () => {
    setState("lost", "no connection, trying again");
    setTimeout(connect, RETRY_MS[Math.min(retries++, RETRY_MS.length - 1)]);
  });
}

connect();
