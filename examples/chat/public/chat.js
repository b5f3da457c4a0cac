// The page of the example: shows messages, and how they travel.
const byId = (id) => document.getElementById(id);
const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/chat`;
const input = byId("text");
const button = document.querySelector("button");
/** Pause before the next try, doubled up to the longest. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
const BUSY_MS = 250;

let socket;
let name = "";
let pauseMs = FIRST_PAUSE_MS;
let sent = 0;
let received = 0;
/** When own messages that have not come back were sent. */
const underWay = [];

byId("url").textContent = url;
byId("gateway").textContent = location.host;

function showState(state, text) {
  byId("state").dataset.state = state;
  byId("state").textContent = text;
  input.disabled = button.disabled = state !== "open";
}

function line(kind, text, from) {
  const log = byId("log");
  const p = document.createElement("p");
  p.className = kind;
  if (from !== undefined) {
    const author = document.createElement("b");
    author.textContent = from;
    p.append(author);
  }
  p.append(text);
  log.append(p);
  log.scrollTop = log.scrollHeight;
}

function blink() {
  const path = document.querySelector(".path");
  path.classList.add("busy");
  setTimeout(() => path.classList.remove("busy"), BUSY_MS);
}

function showSeen(seen, peer) {
  const rows = Object.entries({ ...seen, "connection from": peer }).map(([header, value]) => {
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
    showSeen(message.seen, message.peer);
  } else if (message.type === "presence") {
    byId("count").textContent = message.count;
    line("note", message.text);
  } else {
    const own = message.from === name;
    if (own && underWay.length > 0) byId("rtt").textContent = `${(performance.now() - underWay.shift()).toFixed(1)} ms`;
    line(own ? "own" : "other", message.text, own ? "you" : message.from);
  }
}

function connect() {
  showState("connecting", "connecting");
  socket = new WebSocket(url);
  socket.onopen = () => {
    pauseMs = FIRST_PAUSE_MS;
    showState("open", "connected");
    input.focus();
  };
  socket.onmessage = ({ data }) => {
    byId("received").textContent = ++received;
    blink();
    receive(JSON.parse(data));
  };
  socket.onclose = ({ code, reason }) => {
    underWay.length = 0;
    showState("closed", `closed (${code})`);
    line("note", `connection closed: ${code}${reason === "" ? "" : ` ${reason}`}; next try in ${pauseMs / 1000} s`);
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
  blink();
  input.value = "";
});

connect();
