/** Sends spans to their collector with OpenTelemetry's library: a request never waits for it, nor does memory grow. */
import type { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { SPANS_LOST, SPANS_SENT } from "../metrics/cells.ts";
import { add } from "../metrics/counters.ts";
import { ERR, type ErrorLog } from "../net/error-log.ts";
import { exceptionText } from "../net/exception-text.ts";
import { nowMs, Timer, type TimerOwner } from "../net/timers.ts";
import { type ExporterSettings, shownUrl } from "./otel-exporter-block.ts";

/** What the library takes. */
type ReadableSpan = Parameters<OTLPTraceExporter["export"]>[0][number];

/** A span that has ended; the resource is the exporter's. */
export type EndedSpan = Omit<ReadableSpan, "resource">;

/** Time between two complaints about a collector. */
const COMPLAINT_MS = 60_000;
/** A process that ends waits so long for the last spans: less than the second after which a master kills its workers. */
const LAST_EXPORT_MS = 500;

/** Those of this process that hold spans. */
const busy = new Set<SpanExporter>();

/** Who waits for the last spans to leave. */
let onIdle: (() => void) | undefined;

/** One configuration's way to its collector. Two batches never leave at once: what comes meanwhile waits, up to a bound. */
export class SpanExporter implements TimerOwner {
  private readonly settings: ExporterSettings;
  private readonly resource: Readonly<Record<string, string>>;
  private readonly log: ErrorLog;
  private waiting: EndedSpan[] = [];
  /** Spans that are under way. */
  private sending = 0;
  /** Since the last complaint. */
  private lost = 0;
  private complainedMs = Number.NEGATIVE_INFINITY;
  private readonly timer = new Timer(this, 0);
  /** The process ends: nothing waits for company any more. */
  private hurried = false;
  private readonly library: Promise<(spans: EndedSpan[], done: (fault: string | undefined) => void) => void>;

  /** Loads the library, which takes a tenth of a second: not to be made while a request waits. */
  constructor(settings: ExporterSettings, resource: Readonly<Record<string, string>>, log: ErrorLog) {
    this.settings = settings;
    this.resource = resource;
    this.log = log;
    this.library = this.load();
    // Told of where spans are sent: without a handler here it would be an exception of nobody.
    this.library.catch(() => {});
  }

  /** Takes a span that has ended. Drops it when as many wait as may. */
  add(span: EndedSpan): void {
    const { batchSize, batchCount, intervalMs } = this.settings;
    if (this.waiting.length >= batchSize * batchCount) {
      this.lose(1);
      // A collector that answers, but too slowly, makes no failure that would be told of.
      this.complain("spans come faster than they leave");
      return;
    }
    this.waiting.push(span);
    busy.add(this);
    if (this.waiting.length >= batchSize || this.hurried) this.send();
    else if (!this.timer.armed) this.timer.arm(intervalMs);
  }

  onTimer(): void {
    this.send();
  }

  /** The process is about to end. */
  hurry(): void {
    this.hurried = true;
    this.send();
  }

  /** The process ends before its spans have left. */
  giveUp(): void {
    this.lose(this.sending + this.waiting.length);
    this.complainedMs = Number.NEGATIVE_INFINITY;
    this.complain("the collector did not answer before the end");
  }

  private send(): void {
    if (this.sending > 0 || this.waiting.length === 0) return;
    this.timer.disarm();
    const batch = this.waiting.splice(0, this.settings.batchSize);
    this.sending = batch.length;
    this.library
      .then((post) => post(batch, (fault) => this.sent(fault)))
      .catch((error: unknown) => this.sent(exceptionText(error)));
  }

  private sent(fault: string | undefined): void {
    const count = this.sending;
    this.sending = 0;
    if (fault === undefined) add(SPANS_SENT, count);
    else {
      this.lose(count);
      this.complain(fault);
    }
    if (this.waiting.length >= this.settings.batchSize || this.hurried) this.send();
    else if (this.waiting.length > 0 && !this.timer.armed) this.timer.arm(this.settings.intervalMs);
    if (this.sending > 0 || this.waiting.length > 0) return;
    busy.delete(this);
    if (busy.size === 0) onIdle?.();
  }

  private lose(count: number): void {
    this.lost += count;
    add(SPANS_LOST, count);
  }

  private complain(fault: string): void {
    if (nowMs() - this.complainedMs < COMPLAINT_MS) return;
    this.complainedMs = nowMs();
    this.log.write(ERR, 0, `OTel export failure: ${fault}; spans lost: ${this.lost} (${shownUrl(this.settings.url)})`);
    this.lost = 0;
  }

  private async load(): Promise<(spans: EndedSpan[], done: (fault: string | undefined) => void) => void> {
    const [{ OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
    ignoreEnvironment();
    const { url, headers, trustedCertificates } = this.settings;
    const exporter = new OTLPTraceExporter({
      url,
      headers,
      ...(trustedCertificates === undefined ? {} : { httpAgentOptions: { ca: trustedCertificates } }),
    });
    const resource = resourceFromAttributes(this.resource);
    return (spans, done) =>
      exporter.export(
        spans.map((span) => ({ ...span, resource })),
        // ExportResultCode.SUCCESS is 0; failures have tried again for as long as OTLP says.
        ({ code, error }) => done(code === 0 ? undefined : (error?.message ?? "no reason given")),
      );
  }
}

/**
 * The configuration decides, as with nginx's module: the library would take headers, certificates, compression and times
 * from variables, of which `env` may have left some.
 */
function ignoreEnvironment(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith("OTEL_EXPORTER_OTLP_")) delete process.env[name];
}

/** Sends what waits, and calls `done` when it has left, or it takes too long for a process that ends. */
export function sendLastSpans(done: () => void): void {
  if (busy.size === 0) {
    done();
    return;
  }
  const onTimer = (): void => {
    for (const exporter of busy) exporter.giveUp();
    end();
  };
  const timer = new Timer({ onTimer }, 0);
  const end = (): void => {
    onIdle = undefined;
    timer.release();
    done();
  };
  onIdle = end;
  timer.arm(LAST_EXPORT_MS);
  for (const exporter of [...busy]) exporter.hurry();
}
