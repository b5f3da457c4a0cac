/**
 * A constant load of which every single answer is checked: connections for one request, connections for many, WebSocket
 * handshakes with an echo. Clients go on until they are told to stop; what went wrong is collected, not thrown.
 */
import { type Answer, ClientFailure, RawClient } from "./raw-client.ts";

/** Requests on a kept connection before it is replaced. */
const REQUESTS_EACH = 50;
/** Messages of a WebSocket before it is replaced. */
const ECHOES_EACH = 3;
/** After a failure a client waits, so that a gateway that is gone is not hammered. */
const PAUSE_MS = 20;

export interface LoadPlan {
  readonly port: number;
  /** Clients of each kind at the same time. */
  readonly fresh: number;
  readonly kept: number;
  readonly webSockets: number;
  /** What is wrong with the answer to `GET /echo/TEXT`; undefined when all is right. */
  readonly judge: (text: string, answer: Answer) => string | undefined;
}

export interface Failure {
  /** When the connection was asked for, and when it was found to be no good: monotonic ms. */
  readonly beganMs: number;
  readonly atMs: number;
  readonly kind: Kind;
  /** The worker that had the connection; 0 when it had not answered yet. */
  readonly worker: number;
  readonly what: string;
}

/** The connection of a round, for whoever cleans up after it. */
interface Held {
  client: RawClient | undefined;
}

type Kind = "fresh" | "kept" | "webSocket";

export class CheckedLoad {
  readonly failures: Failure[] = [];
  /** The longest time without a right answer on a new connection, monotonic ms. */
  longestGapMs = 0;
  private lastRightMs = performance.now();
  /** Right answers by kind. */
  readonly right: Record<Kind, number> = { fresh: 0, kept: 0, webSocket: 0 };
  readonly plan: LoadPlan;
  /** Clients that are not let in any more end: the gateway shuts down. */
  refusalsEnd = false;
  private running = true;
  private count = 0;
  private readonly clients: Promise<void>[];

  constructor(plan: LoadPlan) {
    this.plan = plan;
    const many = (count: number, kind: Kind, round: (held: Held) => Promise<void>): Promise<void>[] =>
      Array.from({ length: count }, () => this.repeat(kind, round));
    this.clients = [
      ...many(plan.fresh, "fresh", (held) => this.fresh(held)),
      ...many(plan.kept, "kept", (held) => this.kept(held)),
      ...many(plan.webSockets, "webSocket", (held) => this.webSocket(held)),
    ];
  }

  /** Lets every client finish what it is at. */
  async stop(): Promise<void> {
    this.running = false;
    await this.stopped();
  }

  /** Resolves when no client goes on. */
  async stopped(): Promise<void> {
    await Promise.all(this.clients);
  }

  private async repeat(kind: Kind, round: (held: Held) => Promise<void>): Promise<void> {
    while (this.running) {
      const held: Held = { client: undefined };
      const beganMs = performance.now();
      try {
        await round(held);
      } catch (error) {
        if (!(error instanceof ClientFailure)) throw error;
        if (this.refusalsEnd && held.client === undefined) return;
        const worker = held.client?.worker ?? 0;
        this.failures.push({ beganMs, atMs: performance.now(), kind, worker, what: error.message });
        await Bun.sleep(PAUSE_MS);
      } finally {
        held.client?.close();
      }
    }
  }

  private async connect(held: Held): Promise<RawClient> {
    const client = await RawClient.connect(this.plan.port);
    held.client = client;
    return client;
  }

  private async fresh(held: Held): Promise<void> {
    const client = await this.connect(held);
    await this.ask(client, "Connection: close\r\n");
    this.right.fresh++;
    const now = performance.now();
    this.longestGapMs = Math.max(this.longestGapMs, now - this.lastRightMs);
    this.lastRightMs = now;
  }

  private async kept(held: Held): Promise<void> {
    const client = await this.connect(held);
    for (let i = 0; i < REQUESTS_EACH && this.running; i++) {
      const { headers } = await this.ask(client, "");
      this.right.kept++;
      if (headers.get("connection") === "close") return;
    }
  }

  private async webSocket(held: Held): Promise<void> {
    const client = await this.connect(held);
    await client.upgrade("/ws");
    for (let i = 0; i < ECHOES_EACH; i++) await client.echo(this.text());
    this.right.webSocket++;
  }

  private async ask(client: RawClient, headers: string): Promise<Answer> {
    const text = this.text();
    const answer = await client.ask(`/echo/${text}`, headers);
    const wrong = answer.status === 200 ? this.plan.judge(text, answer) : `status ${answer.status}`;
    if (wrong !== undefined) throw new ClientFailure(wrong);
    return answer;
  }

  private text(): string {
    return `n${++this.count}`;
  }
}
