/** The times that log lines begin with, made once a second. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

let second = -1;
let errorForm = "";
let syslogForm = "";

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

function refresh(): void {
  const now = Date.now();
  const current = Math.floor(now / 1000);
  if (current === second) return;
  second = current;
  const d = new Date(now);
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  errorForm = `${d.getFullYear()}/${two(d.getMonth() + 1)}/${two(d.getDate())} ${time}`;
  const day = d.getDate();
  syslogForm = `${MONTHS[d.getMonth()]} ${day < 10 ? " " : ""}${day} ${time}`;
}

/** `2026/11/21 07:00:00`, local time: the error log's. */
export function errorLogTime(): string {
  refresh();
  return errorForm;
}

/** `Nov 21 07:00:00`, local time: RFC 3164 section 4.1.2. */
export function syslogTime(): string {
  refresh();
  return syslogForm;
}
