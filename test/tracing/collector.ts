/** A collector of OTLP over HTTP that keeps what it is sent. */

type Value = { readonly stringValue?: string; readonly intValue?: number };
type KeyValues = readonly { readonly key: string; readonly value: Value }[];

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
  readonly attributes: KeyValues;
}

interface SentTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: KeyValues };
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly SentSpan[] }[];
  }[];
}

/** A span as it came. */
export interface ReceivedSpan extends Omit<SentSpan, "attributes"> {
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
  readonly resource: Readonly<Record<string, string | number | undefined>>;
  readonly scope: string;
}

export interface Collector {
  readonly port: number;
  /** In the order in which they came. */
  readonly spans: readonly ReceivedSpan[];
  /** Of each export. */
  readonly requests: readonly { readonly path: string; readonly headers: Headers; readonly count: number }[];
  /** The first span of which that holds; waits for it. */
  find(wanted: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>;
  stop(): void;
}

/** Starts one on a free port. `tls`: its key and certificate, PEM. `answer`: waits for it before it answers. */
export function startCollector(
  options: { tls?: { key: string; cert: string }; answer?: Promise<void> } = {},
): Collector {
  const spans: ReceivedSpan[] = [];
  const requests: { path: string; headers: Headers; count: number }[] = [];
  let wake: (() => void)[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    async fetch(request) {
      const received = readSpans((await request.json()) as SentTraces);
      spans.push(...received);
      requests.push({ path: new URL(request.url).pathname, headers: request.headers, count: received.length });
      const awake = wake;
      wake = [];
      for (const look of awake) look();
      await options.answer;
      return Response.json({});
    },
  });
  return {
    port: server.port ?? 0,
    spans,
    requests,
    async find(wanted) {
      for (;;) {
        const found = spans.find(wanted);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => wake.push(resolve));
      }
    },
    stop: () => void server.stop(true),
  };
}

function readSpans({ resourceSpans }: SentTraces): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: plain(span.attributes),
        resource: plain(resource.attributes),
        scope: scope.name,
      })),
    ),
  );
}

function plain(attributes: KeyValues): ReceivedSpan["attributes"] {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
}
