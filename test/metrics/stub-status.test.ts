/** `stub_status` and `$connections_*` beside nginx's, over several workers, and when workers are killed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type EchoBackend, startEchoBackend } from "../drills/echo-backend.ts";
import { RawClient } from "../drills/raw-client.ts";
import { findNginx, type Gateway, startHopway, startNginx } from "../harness/gateway.ts";
import { mainDirectives, workerPids } from "../harness/many-workers.ts";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/until.ts";

const LIMIT_MS = 10_000;

let backend: EchoBackend;
beforeAll(() => {
  backend = startEchoBackend("echo");
});
afterAll(() => backend.stop());

/** Two servers: one that only shows its numbers, one that passes tunnels on. */
function configuration(main: string, port: number): string {
  return `${main}
error_log {prefix}/error.log info;
events {}
http {
  {temp_paths}
  access_log off;
  server {
    listen 127.0.0.1:${port};
    location /status { stub_status; }
    location /on { stub_status on; }
    location /variables { return 200 "$connections_active $connections_reading $connections_writing $connections_waiting\\n"; }
    location /kept { return 200 "kept\\n"; }
    location /ws {
      proxy_pass http://127.0.0.1:${backend.port};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }
  }
}
`;
}

/** What a client gets on a connection of its own that ends with it. */
async function ask(port: number, path: string): Promise<string> {
  const client = await RawClient.connect(port);
  const { body } = await client.ask(path, "Connection: close\r\n");
  client.close();
  return body;
}

describe.skipIf(findNginx() === undefined)("the numbers are nginx's", () => {
  let nginx: Gateway;
  let hopway: Gateway;
  const ports = [freePort(), freePort()] as const;
  const open: RawClient[] = [];

  beforeAll(async () => {
    nginx = await startNginx(configuration("{main}", ports[0]));
    hopway = await startHopway(configuration(mainDirectives(3), ports[1]));
  });
  afterAll(async () => {
    for (const client of open) client.close();
    for (const gateway of [nginx, hopway]) {
      await gateway.stop();
      gateway.remove();
    }
  });

  /** Asks both, in step so that asking counts the same, until they say the same, and what is wanted. */
  async function agree(path: string, wanted = /^/): Promise<string> {
    let answers: string[] = [];
    await until(`the same ${path}`, LIMIT_MS, async () => {
      answers = await Promise.all(ports.map((port) => ask(port, path)));
      return answers[0] === answers[1] && wanted.test(answers[0] ?? "");
    }).catch(() => expect(answers[1]).toBe(answers[0] ?? ""));
    return answers[0] ?? "";
  }

  async function onBoth(act: (client: RawClient) => unknown): Promise<void> {
    for (const port of ports) {
      const client = await RawClient.connect(port);
      open.push(client);
      await act(client);
    }
  }

  const steps: readonly (readonly [name: string, act: (client: RawClient) => unknown])[] = [
    ["nothing sent", () => {}],
    ["half a head", (client) => client.send("GET /kept HT")],
    ["an answer, and kept", (client) => client.ask("/kept")],
    [
      "a request after another",
      async (client) => {
        await client.ask("/kept");
        await client.ask("/kept");
      },
    ],
    ["a tunnel", (client) => client.upgrade("/ws")],
    [
      "a body that does not come",
      (client) => client.send("POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"),
    ],
  ];
  let before = "";
  for (const [name, act] of steps) {
    test(name, async () => {
      await onBoth(act);
      const text = await agree("/status");
      expect(text).toMatch(
        /^Active connections: \d+ \nserver accepts handled requests\n \d+ \d+ \d+ \nReading: \d+ Writing: \d+ Waiting: \d+ \n$/,
      );
      expect(text).not.toBe(before);
      before = text;
      expect(await agree("/variables")).toMatch(/^\d+ \d+ \d+ \d+\n$/);
      expect(await agree("/on")).toStartWith("Active connections: ");
    });
  }

  test("all gone", async () => {
    for (const client of open.splice(0)) client.close();
    // Both may say the same before either has noticed.
    const alone = /^Active connections: 1 \n.*\n.*\nReading: 0 Writing: 1 Waiting: 0 \n$/;
    expect(await agree("/status", alone)).toMatch(alone);
  });
});

/** The seven numbers, in the order of the text. */
function numbers(text: string): readonly number[] {
  return (text.match(/\d+/g) ?? []).map(Number);
}

test("killed workers take their connections with them, and nothing that was counted", async () => {
  const port = freePort();
  const gateway = await startHopway(configuration(mainDirectives(3), port));
  for (let round = 1; round <= 3; round++) {
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(port)));
    await Promise.all(clients.map((client) => client.upgrade("/ws")));
    const before = numbers(await ask(port, "/status"));
    expect(before[0]).toBe(21);
    expect(before[5]).toBe(21);
    const pids = workerPids(gateway);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await until("the end of the tunnels", LIMIT_MS, () => clients.every(({ ended }) => ended !== undefined));
    await until("other workers", LIMIT_MS, () => {
      const now = workerPids(gateway);
      return now.length === 3 && !now.some((pid) => pids.includes(pid));
    });
    const after = numbers(await ask(port, "/status"));
    expect(after).toEqual([1, ...before.slice(1, 4).map((n) => n + 1), 0, 1, 0]);
  }
  expect(await gateway.stop()).toBe(0);
  gateway.remove();
}, 60_000);
