/** Where things stand in the memory of counters, in numbers from the start of a process's row. */
import { BUSY, histogramCells, LATENCY, LIFETIME, MESSAGE_SIZE } from "./histogram.ts";

/** What belongs together: the numbers of one location, one peer, one process. */
export interface RowKind {
  readonly name: string;
  readonly cells: number;
  /** Those that are not sums: they end with the process that counted them, while the others go on. */
  readonly gauges: readonly number[];
  /** Those of them that say that something is there now which counts in this row. */
  readonly open: readonly number[];
}

/** Hands out cells one after another. */
class Layout {
  private next = 0;
  private readonly gauges: number[] = [];
  private readonly open: number[] = [];

  get cells(): number {
    return this.next;
  }

  cell(count = 1): number {
    const at = this.next;
    this.next += count;
    return at;
  }

  /** How something is, as a process sees it. */
  state(): number {
    const at = this.cell();
    this.gauges.push(at);
    return at;
  }

  /** How many there are now. */
  gauge(): number {
    const at = this.state();
    this.open.push(at);
    return at;
  }

  kind(name: string): RowKind {
    const { cells, gauges, open } = this;
    return { name, cells, gauges, open };
  }
}

/** Counted here, numbers are lost: the place of rows that have none. Larger than any row. */
export const NOWHERE = 0;
export const NOWHERE_CELLS = 512;

/** What a process counts once, from here on. */
export const PROCESS_AT = NOWHERE_CELLS;
const ofProcess = new Layout();
const inProcess = (): number => PROCESS_AT + ofProcess.cell();
const gaugeOfProcess = (): number => PROCESS_AT + ofProcess.gauge();

/** Connections: as nginx's stub_status counts them. */
export const ACCEPTED = inProcess();
export const HANDLED = inProcess();
export const ACTIVE = gaugeOfProcess();
export const REQUESTS = inProcess();
export const READING = gaugeOfProcess();
export const WRITING = gaugeOfProcess();
/** In a TLS handshake: neither of the two above, nor waiting for a request. */
export const HANDSHAKING = gaugeOfProcess();
export const TLS_HANDSHAKES = inProcess();
export const TLS_FAILURES = inProcess();
/** Spans that a collector took, and those that none did. */
export const SPANS_SENT = inProcess();
export const SPANS_LOST = inProcess();
/** How long the event loop was busy: BUSY. */
export const BUSY_TIMES = PROCESS_AT + ofProcess.cell(histogramCells(BUSY));
/** Of the master. The last one that came into force, in seconds since 1970, and when the master began. */
export const RELOADS = inProcess();
export const RELOADS_FAILED = inProcess();
export const LAST_RELOAD_S = gaugeOfProcess();
export const STARTED_S = gaugeOfProcess();
export const WORKERS_STARTED = inProcess();
export const WORKERS_DIED = inProcess();
export const PROCESS_ROW: RowKind = ofProcess.kind("process");

/** Why a WebSocket was not opened, and in words for those who run the proxy. Counted in this order. */
export const REFUSALS = [
  ["origin", "Its Origin is not in websocket_allowed_origins."],
  ["no_upgrade", "It was no WebSocket handshake, where websocket is on: something in front may drop Upgrade."],
  ["forbidden", "allow, deny or satisfy refused the client."],
  ["unauthorized", "It had no valid credentials."],
  ["too_many_connections", "limit_conn: the client has as many connections as it may have."],
  ["too_many_requests", "limit_req: the client came back too fast."],
  ["not_proxied", "The location answers itself and passes nothing to an upstream."],
  [
    "upgrade_not_passed",
    "The upstream was not asked for an upgrade: the location passes neither Upgrade nor Connection.",
  ],
  ["upstream_refused", "The upstream answered, but not with 101."],
  ["upstream_unreachable", "No connection to the upstream came about."],
  ["upstream_timeout", "The upstream did not answer in time."],
  ["upstream_failed", "The upstream closed the connection, or its answer was no HTTP."],
  ["no_live_upstream", "All servers of the upstream were down, or counted as failed."],
  ["bad_answer", "The upstream's 101 did not open the WebSocket that was asked for."],
  ["client_left", "The client went away before the answer."],
  ["other", "Something else; the error log tells."],
] as const;

export type Refusal = (typeof REFUSALS)[number][0];

/** Place of a reason in REFUSALS. */
export function refusalIndex(refusal: Refusal): number {
  return REFUSALS.findIndex(([name]) => name === refusal);
}

// A location: its requests, and who asked for a WebSocket.
const ofLocation = new Layout();
/** Answers by the first digit of their status; 0 holds what had none. */
export const ANSWERS = ofLocation.cell(6);
/** WebSockets that were opened. */
export const HANDSHAKES = ofLocation.cell();
/** By REFUSALS. */
export const REFUSED = ofLocation.cell(REFUSALS.length);
export const LOCATION_ROW: RowKind = ofLocation.kind("location");

/** Close codes that are counted one by one; others are told by their range. */
const CODES = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015];
export const CLOSE_CODES: readonly string[] = [...CODES.map(String), "3xxx", "4xxx", "other"];
const OTHER_CODE = CLOSE_CODES.length - 1;

/** Place of a close code in CLOSE_CODES. */
function closeCodeIndex(code: number): number {
  if (code >= 3000 && code < 5000) return CLOSE_CODES.length - (code < 4000 ? 3 : 2);
  const index = CODES.indexOf(code);
  return index < 0 ? OTHER_CODE : index;
}

/** The sides of a WebSocket, in the order in which they are counted. */
export const SIDES = ["client", "upstream"] as const;
export const CLOSERS = ["client", "upstream", "proxy"] as const;

// What one side of the WebSockets of a location does: what it sends, and how it answers pings.
const ofSide = new Layout();
/** Whole messages by size: MESSAGE_SIZE. */
export const MESSAGES = ofSide.cell(histogramCells(MESSAGE_SIZE));
export const PINGS = ofSide.cell();
export const PINGS_UNANSWERED = ofSide.cell();
/** LATENCY. */
export const ROUND_TRIPS = ofSide.cell(histogramCells(LATENCY));
const SIDE_CELLS = ofSide.cells;

// A location that passes requests on: its tunnels.
const ofTunnels = new Layout();
/** LIFETIME, of all tunnels, WebSockets or not. */
export const LIFETIMES = ofTunnels.cell(histogramCells(LIFETIME));
/** By CLOSERS, then by CLOSE_CODES. */
export const CLOSES = ofTunnels.cell(CLOSERS.length * CLOSE_CODES.length);
export const DRAINED_TUNNELS = ofTunnels.cell();
/** By SIDES. */
const SIDES_AT = ofTunnels.cell(SIDES.length * SIDE_CELLS);
export const TUNNELS_ROW: RowKind = ofTunnels.kind("tunnels");

/** Where the end of a WebSocket is counted. */
export function closeCell(by: (typeof CLOSERS)[number], code: number): number {
  return CLOSES + CLOSERS.indexOf(by) * CLOSE_CODES.length + closeCodeIndex(code);
}

/** Where the numbers of a side begin, counted from the row's first cell. */
export function sideCell(ofClient: boolean): number {
  return ofClient ? SIDES_AT : SIDES_AT + SIDE_CELLS;
}

// A way: a location and a peer that it can lead to.
const ofWay = new Layout();
export const TUNNELS_OPENED = ofWay.cell();
export const TUNNELS_OPEN = ofWay.gauge();
export const WAY_ROW: RowKind = ofWay.kind("way");

// A peer of an upstream.
const ofPeer = new Layout();
/** Requests that it has now, tunnels among them. */
export const PEER_ACTIVE = ofPeer.gauge();
/** The process asks it nothing before this time, on the clock of `sharedNowMs`; it counts as failed. */
export const PEER_RESTS_UNTIL_MS = ofPeer.state();
/** Not 0: an operator keeps it from new requests. In the common row only. */
export const PEER_DRAINED = ofPeer.state();
/** Answers by the first digit of their status. */
export const PEER_ANSWERS = ofPeer.cell(6);
/** Tries that got no answer, by PEER_FAILURES. */
export const PEER_FAILED = ofPeer.cell(4);
export const PEER_FAILURES = ["connect", "connect_timeout", "no_answer", "answer_timeout"] as const;
/** Times to connect, to the answer's head, to its end: LATENCY. */
export const PEER_CONNECTS = ofPeer.cell(histogramCells(LATENCY));
export const PEER_HEADS = ofPeer.cell(histogramCells(LATENCY));
export const PEER_RESPONSES = ofPeer.cell(histogramCells(LATENCY));
export const PEER_BYTES_RECEIVED = ofPeer.cell();
export const PEER_BYTES_SENT = ofPeer.cell();
export const PEER_ROW: RowKind = ofPeer.kind("peer");

/** The kinds of which configurations have rows, by name. */
export const ROW_KINDS: ReadonlyMap<string, RowKind> = new Map(
  [LOCATION_ROW, TUNNELS_ROW, WAY_ROW, PEER_ROW].map((kind) => [kind.name, kind]),
);

/** All peers that are only known at run time, together. */
export const DYNAMIC_PEER_AT = PROCESS_AT + PROCESS_ROW.cells;
/** Rows whose place the configuration decides begin here. */
export const FIRST_ROW_AT = DYNAMIC_PEER_AT + PEER_ROW.cells;
