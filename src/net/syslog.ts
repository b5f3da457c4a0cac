/** `syslog:server=...` in error_log and access_log: RFC 3164 lines over UDP or a unix datagram socket. */
import { createSocket, type Socket } from "node:dgram";
import { hostname } from "node:os";
import { ConfigFault } from "../config/directive.ts";
import { type Address, addressText, parseAddress } from "./address.ts";
import { syslogTime } from "./log-clock.ts";

const facilities = (
  "kern user mail daemon auth intern lpr news uucp clock authpriv ftp ntp audit alert cron " +
  "local0 local1 local2 local3 local4 local5 local6 local7"
).split(" ");
const severities = ["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"];

const DEFAULT_FACILITY = facilities.indexOf("local7");
const DEFAULT_SEVERITY = severities.indexOf("info");
const SYSLOG_PORT = 514;
const MAX_TAG_LENGTH = 32;
/** Longer messages are cut, as nginx does. */
const MAX_MESSAGE_BYTES = 2048;

export class SyslogTarget {
  readonly address: Address;
  readonly severity: number;
  private readonly facility: number;
  /** Host name and tag, as they stand between the time and the message. */
  private readonly sender: string;
  private socket: Socket | undefined;

  constructor(address: Address, facility: number, severity: number, tag: string, withHost: boolean) {
    this.address = address;
    this.facility = facility;
    this.severity = severity;
    this.sender = withHost ? `${hostname()} ${tag}` : tag;
  }

  /** Sends one message, 0 (emerg) to 7 (debug). What cannot be sent is lost. */
  send(severity: number, message: string): void {
    const line = `<${this.facility * 8 + severity}>${syslogTime()} ${this.sender}: ${message}`;
    const bytes = Buffer.from(line.slice(0, MAX_MESSAGE_BYTES), "latin1");
    if (this.socket === undefined) {
      this.socket = createSocket(this.address.family === "inet6" ? "udp6" : "udp4");
      this.socket.on("error", () => {});
      this.socket.unref();
    }
    this.socket.send(bytes, this.address.port, this.address.host, () => {});
  }
}

/** Same text of a directive, same target: one socket each. */
const targets = new Map<string, SyslogTarget>();

/** Reads `syslog:server=address[,facility=...][,severity=...][,tag=...][,nohostname]` (ngx_syslog_process_conf). */
export function parseSyslog(text: string): SyslogTarget | ConfigFault {
  const known = targets.get(text);
  if (known !== undefined) return known;
  const target = readParameters(text.slice("syslog:".length));
  if (target instanceof SyslogTarget) targets.set(text, target);
  return target;
}

function readParameters(text: string): SyslogTarget | ConfigFault {
  let address: Address | undefined;
  let facility: number | undefined;
  let severity: number | undefined;
  let tag: string | undefined;
  let withHost = true;
  for (const parameter of text.split(",")) {
    const equals = parameter.indexOf("=");
    const name = equals < 0 ? parameter : parameter.slice(0, equals);
    const value = equals < 0 ? "" : parameter.slice(equals + 1);
    switch (equals < 0 && name !== "nohostname" ? "" : name) {
      case "server": {
        if (address !== undefined) return new ConfigFault('duplicate syslog "server"');
        const server = serverAddress(value);
        if (server instanceof ConfigFault) return server;
        address = server;
        break;
      }
      case "facility":
        if (facility !== undefined) return new ConfigFault('duplicate syslog "facility"');
        facility = facilities.indexOf(value);
        if (facility < 0) return new ConfigFault(`unknown syslog facility "${value}"`);
        break;
      case "severity":
        if (severity !== undefined) return new ConfigFault('duplicate syslog "severity"');
        severity = severities.indexOf(value);
        if (severity < 0) return new ConfigFault(`unknown syslog severity "${value}"`);
        break;
      case "tag":
        if (tag !== undefined) return new ConfigFault('duplicate syslog "tag"');
        if (value.length > MAX_TAG_LENGTH) return new ConfigFault(`syslog tag length exceeds ${MAX_TAG_LENGTH}`);
        if (!/^[A-Za-z0-9_]*$/.test(value)) {
          return new ConfigFault('syslog "tag" only allows alphanumeric characters and underscore');
        }
        tag = value;
        break;
      case "nohostname":
        withHost = false;
        break;
      default:
        return new ConfigFault(`unknown syslog parameter "${parameter}"`);
    }
  }
  if (address === undefined) return new ConfigFault("no syslog server specified");
  return new SyslogTarget(
    address,
    facility ?? DEFAULT_FACILITY,
    severity ?? DEFAULT_SEVERITY,
    tag ?? "nginx",
    withHost,
  );
}

function serverAddress(text: string): Address | ConfigFault {
  const parsed = parseAddress(text, { listen: false, uriPart: false, defaultPort: SYSLOG_PORT });
  if ("fault" in parsed) return new ConfigFault(`${parsed.fault} in syslog server "${text}"`);
  if (parsed.address?.family === "unix") {
    return new ConfigFault(`syslog server "${addressText(parsed.address)}": unix datagram sockets are not implemented`);
  }
  // A name is looked up by the datagram socket, each time: nginx does it once, at start.
  return parsed.address ?? { family: "inet", host: parsed.host, port: parsed.port, path: "" };
}
