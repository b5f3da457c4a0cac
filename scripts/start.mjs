/** `npm start`: the gateway on 127.0.0.1:8080 in front of a small chat. Arguments are passed to hopway. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";

const URL_TO_OPEN = "http://127.0.0.1:8080/";
/** How long the gateway may take to answer. */
const START_TIMEOUT_MS = 10_000;
/** How long processes may take to end after Ctrl-C. */
const STOP_TIMEOUT_MS = 3000;
/** How often to look whether npm is still there. */
const PARENT_CHECK_MS = 500;

await ensureInstalled();

const example = join(root, "examples", "chat");
const runFolder = mkdtempSync(join(tmpdir(), "hopway-start-"));
const children = new Map();
let stopping = false;

function run(name, command, args) {
  // Sessions of their own: a Ctrl-C reaches only this process, which stops them in order.
  const child = spawn(command, args, { cwd: example, stdio: ["ignore", "inherit", "inherit"], detached: true });
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
    console.error(`${name} ended (${signal ?? `exit code ${code}`})`);
    stop(1);
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
  "nginx.conf",
  "-g",
  `daemon off; pid ${join(runFolder, "hopway.pid")};`,
  ...process.argv.slice(2),
]);

if (await answers()) {
  console.log(`
  hopway is running examples/chat/nginx.conf.

  Open  ${URL_TO_OPEN}  in two tabs and write: the messages pass through the gateway.
  Stop with Ctrl-C.
`);
} else if (!stopping) {
  console.error(`${URL_TO_OPEN} does not answer`);
  stop(1);
}
