// The page of the example: shows messages, and how they travel.
const byId = (id) => document.getElementById(id);
const url = new URL("ws/chat", location.href);
url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const input = byId("text");
const button = document.querySelector("button");
/** Pause before the next try, doubled up to the longest. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
/** How long the dot of a message runs along the path. */
const RUN_MS = 450;
/** Where the first and the last station stand on the path. */
const LEFT = "16.7%";
const RIGHT = "83.3%";
/** Names of guests get colours this far apart on the wheel, so that neighbours differ. */
const HUE_STEP = 137;

let socket;
let name = "";
let lastAuthor = "";
let pauseMs = FIRST_PAUSE_MS;
let sent = 0;
let received = 0;
/** When own messages that have not come back were sent. */
const underWay = [];
const still = matchMedia("(prefers-reduced-motion: reduce)");

byId("gateway").textContent = location.host;

function showState(state, text) {
  byId("state").dataset.state = state;
  byId("state").textContent = text;
  input.disabled = button.disabled = state !== "open";
}

function line(kind, text, author = "") {
  const log = byId("log");
  log.querySelector(".hint")?.remove();
  const p = document.createElement("p");
  p.className = kind;
  if (author !== lastAuthor) p.classList.add("first");
  if (author !== lastAuthor && kind === "other") {
    const label = document.createElement("b");
    label.textContent = author;
    label.style.setProperty("--hue", `${(Number.parseInt(author.replace(/\D/g, ""), 10) * HUE_STEP) % 360}`);
    p.append(label);
  }
  lastAuthor = author;
  p.append(text);
  log.append(p);
  log.scrollTop = log.scrollHeight;
}

/** Lets a dot run along the path. */
function run(from, to) {
  if (still.matches) return;
  const dot = document.createElement("i");
  byId("path").append(dot);
  dot.animate({ left: [from, to] }, { duration: RUN_MS, easing: "ease-in-out" }).onfinish = () => dot.remove();
}

function showSeen(seen) {
  const rows = Object.entries(seen).map(([header, value]) => {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    const cell = document.createElement("td");
    head.textContent = header;
    cell.textContent = value === "" ? "(not sent)" : value;
    row.append(head, cell);
    return row;
  });
  byId("seen").replaceChildren(...rows);
}

function receive(message) {
  if (message.type === "welcome") {
    name = message.name;
    byId("name").textContent = name;
    byId("backend").textContent = message.backend;
    showSeen(message.seen);
  } else if (message.type === "presence") {
    byId("count").textContent = message.count;
    // The hint stays until there is something to read.
    if (message.who !== name) line("note", message.text);
  } else {
    const own = message.from === name;
    if (own && underWay.length > 0) byId("rtt").textContent = `${(performance.now() - underWay.shift()).toFixed(1)} ms`;
    line(own ? "own" : "other", message.text, message.from);
  }
}

function connect() {
  showState("connecting", "connecting");
  socket = new WebSocket(url);
  socket.onopen = () => {
    pauseMs = FIRST_PAUSE_MS;
    showState("open", "connected");
    // On a phone this would push the keyboard over the page.
    if (matchMedia("(pointer: fine)").matches) input.focus();
  };
  socket.onmessage = ({ data }) => {
    byId("received").textContent = ++received;
    run(RIGHT, LEFT);
    receive(JSON.parse(data));
  };
  socket.onclose = ({ code, reason }) => {
    underWay.length = 0;
    showState("closed", "not connected");
    line("note", `Connection closed with ${code}${reason && `, ${reason}`}. Next try in ${pauseMs / 1000} s.`);
    setTimeout(connect, pauseMs);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  };
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (text === "" || socket.readyState !== WebSocket.OPEN) return;
  underWay.push(performance.now());
  socket.send(text);
  byId("sent").textContent = ++sent;
  run(LEFT, RIGHT);
  input.value = "";
});

// The last message stays in sight when the panel shrinks.
new ResizeObserver(([{ target }]) => {
  target.scrollTop = target.scrollHeight;
}).observe(byId("log"));

connect();
