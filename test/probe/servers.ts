/**
 * Starts proxies that are installed here: HAProxy, Apache, Caddy, from Debian's packages haproxy, apache2-bin and caddy or
 * from elsewhere. Each is found by an environment variable, on the path, or where Debian puts it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";

const START_LIMIT_MS = 30_000;
const POLL_MS = 20;

export interface Server {
  stop(): Promise<void>;
}

/** The binary of that name; undefined where it is not there. */
export function findServer(name: "haproxy" | "apache2" | "caddy"): string | undefined {
  const named = process.env[`HOPWAY_${name.toUpperCase()}`];
  return Bun.which(named || name) ?? Bun.which(`/usr/sbin/${name}`) ?? undefined;
}

/** Starts HAProxy; the text is what stands behind `defaults`. */
export function startHaproxy(text: string, port: number): Promise<Server> {
  const folder = makeTempDir();
  const file = join(folder, "haproxy.cfg");
  const defaults =
    "defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n  timeout tunnel 1h\n";
  writeFileSync(file, `${defaults}${text}`);
  return start([findServer("haproxy") ?? "", "-q", "-db", "-f", file], port, folder);
}

/** Starts Apache with a virtual host; its modules are those that proxying needs. */
export function startApache(text: string, port: number): Promise<Server> {
  const folder = makeTempDir();
  const modules = process.env["HOPWAY_APACHE_MODULES"] ?? "/usr/lib/apache2/modules";
  const wanted = [
    "mpm_event",
    "authz_core",
    "unixd",
    "proxy",
    "proxy_http",
    "proxy_wstunnel",
    "headers",
    "alias",
    "dir",
    "mime",
  ];
  // Some are a part of the binary in some builds.
  const load = wanted.map(
    (name) => `<IfModule !${name}_module>\nLoadModule ${name}_module ${modules}/mod_${name}.so\n</IfModule>`,
  );
  mkdirSync(join(folder, "htdocs"));
  writeFileSync(join(folder, "htdocs/index.html"), "<!doctype html><title>home</title>");
  writeFileSync(join(folder, "mime.types"), "text/html html\n");
  const file = join(folder, "httpd.conf");
  writeFileSync(
    file,
    `ServerRoot ${folder}\nPidFile ${folder}/pid\nErrorLog ${folder}/error.log\nServerName localhost\nTypesConfig mime.types\nListen 127.0.0.1:${port}\n${load.join("\n")}\nDocumentRoot ${folder}/htdocs\n${text}\n`,
  );
  return start([findServer("apache2") ?? "", "-D", "FOREGROUND", "-f", file], port, folder);
}

/** Starts Caddy; the text is what stands in the site's block. */
export function startCaddy(text: string, port: number): Promise<Server> {
  const folder = makeTempDir();
  const file = join(folder, "Caddyfile");
  writeFileSync(file, `{\n  admin off\n  auto_https off\n}\nhttp://127.0.0.1:${port} {\n${text}\n}\n`);
  return start([findServer("caddy") ?? "", "run", "--config", file, "--adapter", "caddyfile"], port, folder);
}

async function start(cmd: string[], port: number, folder: string): Promise<Server> {
  const child = Bun.spawn({
    cmd,
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(join(folder, "stderr.txt")),
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      const said = await Bun.file(join(folder, "stderr.txt")).text();
      child.kill("SIGKILL");
      throw new Error(`${cmd[0]} did not start: ${said}`);
    }
    await Bun.sleep(POLL_MS);
  }
  return {
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
      removeTempDir(folder);
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const done = (good: boolean): void => {
      socket.destroy();
      resolve(good);
    };
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}
