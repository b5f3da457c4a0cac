/**
 * `npm start`: the gateway on 127.0.0.1:8080 in front of a small chat on 8081; `PORT=9000 npm start` uses 9000 and 9001.
 * Arguments are passed to hopway.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";

const HOST = "127.0.0.1";
const gatewayPort = Number(process.env.PORT || 8080);
const chatPort = gatewayPort + 1;
const URL_TO_OPEN = `http://${HOST}:${gatewayPort}/`;
/** How long the gateway may take to answer. */
const START_TIMEOUT_MS = 10_000;
/** How long processes may take to end after Ctrl-C. */
const STOP_TIMEOUT_MS = 3000;
/** How often to look whether npm is still there. */
const PARENT_CHECK_MS = 500;

await ensureInstalled();
if (!Number.isInteger(gatewayPort) || gatewayPort < 1 || chatPort > 65_535) {
  console.error(`PORT=${process.env.PORT} is not a port number below 65535`);
  process.exit(1);
}
await checkPorts();

const example = join(root, "examples", "chat");
const runFolder = mkdtempSync(join(tmpdir(), "hopway-start-"));
const children = new Map();
let stopping = false;

async function isFree(port) {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", ({ code }) => resolve(code !== "EADDRINUSE"));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}

/** hopway would say it five times, as nginx does, and know no way out. */
async function checkPorts() {
  for (const port of [gatewayPort, chatPort]) {
    if (await isFree(port)) continue;
    console.error(`Port ${port} of ${HOST} is in use. With other ports:  PORT=${gatewayPort + 1000} npm start`);
    process.exit(1);
  }
}

/** The example's configuration as it stands, or a copy with other ports. */
function configPath() {
  const written = join(example, "nginx.conf");
  if (gatewayPort === 8080) return written;
  const ports = { ":8080": `:${gatewayPort}`, ":8081": `:${chatPort}` };
  const moved = join(runFolder, "nginx.conf");
  writeFileSync(
    moved,
    readFileSync(written, "utf8").replace(/:808[01]\b/g, (port) => ports[port]),
  );
  return moved;
}

function run(name, command, args) {
  // Sessions of their own: a Ctrl-C reaches only this process, which stops them in order.
  const child = spawn(command, args, {
    cwd: example,
    env: { ...process.env, PORT: `${chatPort}` },
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  children.set(name, child);
  child.on("error", (error) => {
    console.error(`${name}: ${error.message}`);
    stop(1);
  });
  child.on("exit", (code, signal) => {
    children.delete(name);
    if (stopping) {
      if (children.size === 0) end();
      return;
    }
    // As after `npm start -- -t`: it has done what it was asked.
    const done = name === "hopway" && code === 0;
    if (!done) console.error(`${name} ended (${signal ?? `exit code ${code}`})`);
    stop(done ? 0 : 1);
  });
}

function stop(code) {
  if (stopping) return;
  stopping = true;
  process.exitCode = code;
  for (const child of children.values()) child.kill("SIGTERM");
  if (children.size === 0) end();
  setTimeout(() => {
    for (const child of children.values()) child.kill("SIGKILL");
  }, STOP_TIMEOUT_MS).unref();
}

function end() {
  rmSync(runFolder, { recursive: true, force: true });
  process.exit();
}

async function answers() {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!stopping && Date.now() < deadline) {
    try {
      const response = await fetch(URL_TO_OPEN);
      await response.arrayBuffer();
      if (response.ok) return true;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

process.on("SIGINT", () => stop(0));
process.on("SIGTERM", () => stop(0));
process.on("SIGHUP", () => stop(0));
// A signal to npm ends npm and its shell, and never comes here.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) stop(0);
}, PARENT_CHECK_MS).unref();

run("chat backend", process.execPath, [join(example, "server.mjs")]);
run("hopway", join(root, "bin", "hopway"), [
  "-p",
  example,
  "-c",
  configPath(),
  "-g",
  `daemon off; pid ${join(runFolder, "hopway.pid")};`,
  ...process.argv.slice(2),
]);

if (await answers()) {
  console.log(`
  hopway runs examples/chat/nginx.conf in front of a small chat.

  Open  ${URL_TO_OPEN}  in two tabs and write: each message passes through hopway as a WebSocket message.
  Stop with Ctrl-C.
`);
} else if (!stopping) {
  console.error(`${URL_TO_OPEN} does not answer`);
  stop(1);
}
