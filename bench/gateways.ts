/** Two gateways on nearly one configuration, each with one worker on one core, and what they use of the machine. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";
import { makeCertificate } from "../test/harness/certificates.ts";

const HOPWAY = process.env["HOPWAY_BIN"] ?? resolve(import.meta.dir, "../bin/hopway");
const NGINX = process.env["HOPWAY_NGINX"] ?? Bun.which("nginx") ?? "/usr/sbin/nginx";
const START_LIMIT_MS = 10_000;
/** Of /proc's processor times, on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100;
/** Files of the static rows. */
export const SMALL_FILE_BYTES = 1024;
export const BIG_FILE_BYTES = 1024 * 1024;

/** A gateway that is being measured. */
export interface Measured {
  readonly name: string;
  readonly port: number;
  /** For TLS. */
  readonly tlsPort: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Where a gateway listens. */
interface Ports {
  readonly plain: number;
  readonly tls: number;
}

/** Whom to measure: a program, and what it gets in the http block beside what all get. */
interface Contender {
  readonly name: string;
  readonly command: string;
  readonly directives: string;
}

const PLAIN: Contender = { name: "hopway", command: HOPWAY, directives: "" };

/** Who is measured beside whom. */
export const PAIRS: Readonly<Record<string, readonly [Contender, Contender]>> = {
  nginx: [PLAIN, { name: "nginx", command: NGINX, directives: "" }],
  counting: [{ name: "counting", command: HOPWAY, directives: "websocket auto;" }, PLAIN],
  guarding: [
    {
      name: "guarding",
      command: HOPWAY,
      directives: "websocket auto; websocket_validate on; websocket_max_message_size 16m; websocket_ping_interval 30s;",
    },
    PLAIN,
  ],
};

function configuration(folder: string, ports: Ports, backendPort: number, directives: string): string {
  return `
daemon off;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${folder}/gateway.pid;
error_log ${folder}/error.log;
worker_processes 1;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
    access_log off;
    client_body_temp_path ${folder}/body;
    proxy_temp_path ${folder}/proxy;
    fastcgi_temp_path ${folder}/fastcgi;
    uwsgi_temp_path ${folder}/uwsgi;
    scgi_temp_path ${folder}/scgi;
    keepalive_requests 1000000000;
    sendfile on;
    tcp_nopush on;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    ${directives}
    upstream backend { server 127.0.0.1:${backendPort}; keepalive 256; }
    server {
        listen 127.0.0.1:${ports.plain};
        listen 127.0.0.1:${ports.tls} ssl;
        ssl_certificate ${folder}/server.crt;
        ssl_certificate_key ${folder}/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            # As much as hopway reads at once; with its own 4 or 8 KiB nginx would need more calls for large messages.
            proxy_buffer_size 64k;
            proxy_buffers 8 64k;
            proxy_busy_buffers_size 128k;
            proxy_read_timeout 1h;
        }
        location /files/ { root ${folder}; }
    }
}
`;
}

/** Starts both, pinned to a core, and waits until they answer. */
export async function startGateways(
  folder: string,
  core: number,
  pair: readonly [Contender, Contender],
  ports: readonly [Ports, Ports],
  backendPort: number,
): Promise<readonly [Measured, Measured]> {
  const start = (contender: Contender, own: Ports): Promise<Measured> =>
    startOne(contender, join(folder, contender.name), core, own, backendPort);
  return [await start(pair[0], ports[0]), await start(pair[1], ports[1])];
}

async function startOne(
  { name, command, directives }: Contender,
  folder: string,
  core: number,
  ports: Ports,
  backendPort: number,
): Promise<Measured> {
  mkdirSync(join(folder, "files"), { recursive: true });
  writeFileSync(join(folder, "files/small"), Buffer.alloc(SMALL_FILE_BYTES, "x"));
  writeFileSync(join(folder, "files/big"), Buffer.alloc(BIG_FILE_BYTES, "x"));
  makeCertificate(folder, "server");
  const path = join(folder, "nginx.conf");
  writeFileSync(path, configuration(folder, ports, backendPort, directives));
  const child = Bun.spawn({
    cmd: ["taskset", "-c", `${core}`, command, "-p", `${folder}/`, "-e", `${folder}/error.log`, "-c", path],
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  await untilAnswering(name, child, ports.plain);
  return {
    name,
    port: ports.plain,
    tlsPort: ports.tls,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** Resolves when a GET is answered; rejects when the process ends or takes too long. */
export async function untilAnswering(name: string, child: Subprocess, port: number): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      await response.arrayBuffer();
      return;
    } catch {
      await Bun.sleep(20);
    }
  }
  child.kill();
  throw new Error(`${name} does not answer on port ${port}`);
}

function processTree(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
    return [pid, ...children.flatMap(processTree)];
  } catch {
    return [pid];
  }
}

/** Processor time that a gateway's processes have used, in seconds. */
export function processorSeconds({ pid }: Measured): number {
  let ticks = 0;
  for (const one of processTree(pid)) {
    const stat = readFileSync(`/proc/${one}/stat`, "latin1");
    // utime and stime, counted from behind the command's name, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Memory of a gateway's processes, shared pages divided among those that share them. */
export function memoryKiB({ pid }: Measured): number {
  return processTree(pid).reduce((sum, one) => {
    const rollup = readFileSync(`/proc/${one}/smaps_rollup`, "latin1");
    return sum + Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  }, 0);
}
