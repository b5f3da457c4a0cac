/** `websocket_message_rate`: a bucket that leaks, with the arithmetic of limit_req (ngx_http_limit_req_module.c). */
import { ConfigFault, invalidParameter } from "../config/directive.ts";
import { parseInteger } from "../config/units.ts";

/** So many messages and pings of a client. */
export interface MessageRate {
  /** Thousandths of a message per second. */
  readonly perSecond: number;
  /** So many more may come at once. */
  readonly burst: number;
  /** What comes too fast waits, instead of ending the tunnel. */
  readonly delay: boolean;
}

const ONE = 1000;
const SECONDS_PER_MINUTE = 60;

/** Reads `50r/s burst=100 delay`; `r/m` is per minute. */
export function parseMessageRate(text: string, options: readonly string[]): MessageRate | ConfigFault {
  const perMinute = text.endsWith("r/m");
  const number = perMinute || text.endsWith("r/s") ? (parseInteger(text.slice(0, -"r/s".length)) ?? 0) : 0;
  if (number === 0) return new ConfigFault(`invalid rate "${text}"`);
  let burst = 0;
  let delay = false;
  for (const option of options) {
    if (option === "delay") delay = true;
    else if (option.startsWith("burst=")) {
      burst = parseInteger(option.slice("burst=".length)) ?? 0;
      if (burst === 0) return new ConfigFault(`invalid burst value "${option}"`);
    } else return invalidParameter(option);
  }
  return { perSecond: (number * ONE) / (perMinute ? SECONDS_PER_MINUTE : 1), burst, delay };
}

/** Counts messages as they come. */
export interface MessageCounter {
  /** Returns the ms by which a message that has come is too early; 0 when it may pass. */
  count(nowMs: number): number;
}

/** The messages of one client. */
export class MessageBucket implements MessageCounter {
  private readonly rate: MessageRate;
  /** Thousandths of messages beyond the rate; the first one is within it. */
  private excess = -ONE;
  private lastMs = Number.NEGATIVE_INFINITY;

  constructor(rate: MessageRate) {
    this.rate = rate;
  }

  count(nowMs: number): number {
    const { perSecond, burst } = this.rate;
    const leaked = this.excess - ((nowMs - this.lastMs) * perSecond) / 1000;
    this.lastMs = nowMs;
    this.excess = Math.max(leaked, -ONE) + ONE;
    const tooMany = this.excess - burst * ONE;
    return tooMany <= 0 ? 0 : Math.ceil((tooMany * 1000) / perSecond);
  }
}
