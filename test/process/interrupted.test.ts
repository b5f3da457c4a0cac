/** System calls of a worker that signals interrupt, once in a few: strace makes them fail so. */
import { afterEach, expect, test } from "bun:test";
import { CheckedLoad } from "../drills/checked-load.ts";
import { startEchoBackend, webSocketLocation } from "../drills/echo-backend.ts";
import { children, eventually } from "./command.ts";
import { endAll, started } from "./running.ts";

afterEach(endAll);

const CALLS = ["recvfrom", "sendto", "accept4", "epoll_wait"];
/** Right answers of each kind that the load is to get. */
const ANSWERS = 50;

/** Not there, or not allowed to look at other processes. */
const unable = Bun.which("strace") === null || Bun.spawnSync(["strace", "-o", "/dev/null", "true"]).exitCode !== 0;

test.skipIf(unable)(
  "interrupted calls are made again",
  async () => {
    const backend = startEchoBackend("a");
    const server = `keepalive_requests 1000000; location /echo/ { proxy_pass http://127.0.0.1:${backend.port}; }
    ${webSocketLocation(backend)}`;
    const gateway = await started("one", { server });
    const [worker = 0] = await children(await gateway.master());
    const tampering = CALLS.flatMap((name, i) => ["-e", `inject=${name}:error=EINTR:when=${i + 2}+3`]);
    const tracer = Bun.spawn({
      cmd: ["strace", "-f", "-o", `${gateway.folder}/calls.txt`, ...tampering, "-p", String(worker)],
      stdio: ["ignore", "ignore", "ignore"],
    });
    const load = new CheckedLoad({
      port: gateway.port,
      fresh: 2,
      kept: 2,
      webSockets: 2,
      judge: (text, { body }) => (body === `a ${text}` ? undefined : `"${body}" instead of "a ${text}"`),
    });
    await eventually("enough answers, enough interruptions", () => {
      const calls = gateway.read("calls.txt");
      const interrupted = CALLS.every((name) => new RegExp(`${name}\\(.* EINTR`).test(calls));
      return interrupted && Object.values(load.right).every((count) => count >= ANSWERS);
    });
    await load.stop();
    tracer.kill();
    await tracer.exited;
    expect(load.failures).toEqual([]);
    await backend.stop();
  },
  60_000,
);
