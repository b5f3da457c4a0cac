/** What `hopway_metrics` tells: the families of numbers, and which of them each row has. */
import {
  ACCEPTED,
  ACTIVE,
  ANSWERS,
  CLOSE_CODES,
  CLOSERS,
  CLOSES,
  DRAINED_TUNNELS,
  HANDLED,
  HANDSHAKES,
  HANDSHAKING,
  LIFETIMES,
  LOCATION_ROW,
  MESSAGES,
  PINGS,
  PINGS_UNANSWERED,
  READING,
  REFUSALS,
  REFUSED,
  ROUND_TRIPS,
  SIDES,
  sideCell,
  TLS_FAILURES,
  TLS_HANDSHAKES,
  TUNNELS_OPEN,
  TUNNELS_OPENED,
  TUNNELS_ROW,
  WAY_ROW,
  WRITING,
} from "../metrics/cells.ts";
import {
  type Exposition,
  type HistogramSample,
  hasValues,
  type Labels,
  type Sample,
  sample,
} from "../metrics/exposition.ts";
import { type Histogram, LATENCY, LIFETIME, MESSAGE_SIZE, sumCell } from "../metrics/histogram.ts";
import type { Row } from "../metrics/rows.ts";
import type { Reading } from "./metrics-reading.ts";

/** Names of the first digits of statuses, in the order in which they are counted. */
export const STATUS_CLASSES = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** Those that something has been counted for. */
export function nonZero(samples: readonly Sample[]): Sample[] {
  return samples.filter(({ value }) => value !== 0);
}

/** Of each row, the histogram that stands `offset` behind its beginning, where it has values. */
export function histograms(
  reading: Reading,
  rows: readonly Row[],
  offset: number,
  histogram: Histogram,
  labels: (row: Row) => Labels,
): HistogramSample[] {
  return rows
    .map((row) => ({ labels: labels(row), cells: reading.histogram(row.at + offset, histogram) }))
    .filter(({ cells }) => hasValues(histogram, cells));
}

function placeLabels({ labels: [server = "", location = ""] }: Row): Labels {
  return { server, location };
}

/** Connections and TLS. */
export function connectionFamilies(out: Exposition, reading: Reading): void {
  const value = (cell: number): number => reading.value(cell);
  out.counter("hopway_connections_accepted_total", "Connections that clients opened.", [sample({}, value(ACCEPTED))]);
  out.counter("hopway_connections_handled_total", "Those of them for which there was room.", [
    sample({}, value(HANDLED)),
  ]);
  const waiting = value(ACTIVE) - value(READING) - value(WRITING) - value(HANDSHAKING);
  out.gauge("hopway_connections", "Connections of clients that are open, by what they do.", [
    sample({ state: "handshaking" }, value(HANDSHAKING)),
    sample({ state: "reading" }, value(READING)),
    sample({ state: "writing" }, value(WRITING)),
    sample({ state: "waiting" }, Math.max(0, waiting)),
  ]);
  out.counter("hopway_tls_handshakes_total", "TLS handshakes of clients.", [
    sample({ result: "ok" }, value(TLS_HANDSHAKES)),
    sample({ result: "failed" }, value(TLS_FAILURES)),
  ]);
}

/** Requests and handshakes, by location. */
export function requestFamilies(out: Exposition, reading: Reading): void {
  const rows = reading.usedRows(LOCATION_ROW);
  out.counter(
    "hopway_http_requests_total",
    "Requests that are over, by the class of their status; none: not answered.",
    rows.flatMap((row) =>
      nonZero(
        STATUS_CLASSES.map((status, i) => sample({ ...placeLabels(row), status }, reading.value(row.at + ANSWERS + i))),
      ),
    ),
  );
  out.counter(
    "hopway_websocket_handshakes_total",
    "Requests for a WebSocket.",
    rows.flatMap((row) => {
      const refused = REFUSALS.reduce((sum, _, i) => sum + reading.value(row.at + REFUSED + i), 0);
      const labels = placeLabels(row);
      const accepted = reading.value(row.at + HANDSHAKES);
      if (accepted + refused === 0) return [];
      return [sample({ ...labels, result: "accepted" }, accepted), sample({ ...labels, result: "refused" }, refused)];
    }),
  );
  out.counter(
    "hopway_websocket_refusals_total",
    "Requests for a WebSocket that were refused, by the reason.",
    rows.flatMap((row) =>
      nonZero(
        REFUSALS.map(([reason], i) => sample({ ...placeLabels(row), reason }, reading.value(row.at + REFUSED + i))),
      ),
    ),
  );
}

/** Tunnels by the way that they take. */
export function tunnelFamilies(out: Exposition, reading: Reading): void {
  const used = reading.usedRows(WAY_ROW);
  const labels = (way: Row): Labels => {
    const [, , upstream = "", peer = ""] = way.labels;
    return { ...placeLabels(way), upstream, peer };
  };
  out.gauge(
    "hopway_tunnels_open",
    "Tunnels that are open: WebSockets and other upgraded connections.",
    used.map((way) => sample(labels(way), reading.value(way.at + TUNNELS_OPEN))),
  );
  out.counter(
    "hopway_tunnels_opened_total",
    "Tunnels that were opened.",
    used.map((way) => sample(labels(way), reading.value(way.at + TUNNELS_OPENED))),
  );
  const rows = reading.usedRows(TUNNELS_ROW);
  out.histogram(
    "hopway_tunnel_duration_seconds",
    "Lives of tunnels that are over.",
    LIFETIME,
    histograms(reading, rows, LIFETIMES, LIFETIME, placeLabels),
  );
  out.counter(
    "hopway_websocket_drains_total",
    "WebSockets that were closed because their server, peer or worker goes away.",
    nonZero(rows.map((row) => sample(placeLabels(row), reading.value(row.at + DRAINED_TUNNELS)))),
  );
}

/** What passes through WebSockets, and how they end. `in` is what clients send. */
export function webSocketFamilies(out: Exposition, reading: Reading): void {
  const rows = reading.usedRows(TUNNELS_ROW);
  const directions = SIDES.map((side) => {
    const offset = sideCell(side === "client");
    const direction = side === "client" ? "in" : "out";
    const sizes = histograms(reading, rows, offset + MESSAGES, MESSAGE_SIZE, (row) => ({
      ...placeLabels(row),
      direction,
    }));
    return { side, offset, sizes };
  });
  const sizes = directions.flatMap((direction) => direction.sizes);
  out.counter(
    "hopway_websocket_messages_total",
    "Whole messages that were passed on; in: from clients.",
    sizes.map(({ labels, cells }) =>
      sample(
        labels,
        Array.prototype.slice.call(cells, 0, sumCell(MESSAGE_SIZE)).reduce((a: number, b: number) => a + b, 0),
      ),
    ),
  );
  out.counter(
    "hopway_websocket_message_bytes_total",
    "Payload of these messages, as it was on the wire.",
    sizes.map(({ labels, cells }) => sample(labels, cells[sumCell(MESSAGE_SIZE)]!)),
  );
  out.histogram("hopway_websocket_message_size_bytes", "Sizes of these messages.", MESSAGE_SIZE, sizes);
  out.counter(
    "hopway_websocket_closes_total",
    "WebSockets that are over, by the code of the first Close frame and by who ended them; 1006: without one.",
    rows.flatMap((row) =>
      CLOSERS.flatMap((by, i) =>
        nonZero(
          CLOSE_CODES.map((code, j) =>
            sample({ ...placeLabels(row), by, code }, reading.value(row.at + CLOSES + i * CLOSE_CODES.length + j)),
          ),
        ),
      ),
    ),
  );
  const ofSides = (cell: number): Sample[] =>
    directions.flatMap(({ side, offset }) =>
      nonZero(rows.map((row) => sample({ ...placeLabels(row), side }, reading.value(row.at + offset + cell)))),
    );
  out.counter("hopway_websocket_pings_total", "Pings that the proxy sent.", ofSides(PINGS));
  out.counter(
    "hopway_websocket_pings_unanswered_total",
    "Sides that were given up because they answered no ping.",
    ofSides(PINGS_UNANSWERED),
  );
  out.histogram(
    "hopway_websocket_ping_round_trip_seconds",
    "Times from a ping of the proxy to its answer.",
    LATENCY,
    directions.flatMap(({ side, offset }) =>
      histograms(reading, rows, offset + ROUND_TRIPS, LATENCY, (row) => ({ ...placeLabels(row), side })),
    ),
  );
}
