/** Variables of the client's connection and of this process. */
import { hostname } from "node:os";
import { secondsText } from "../http/date.ts";
import type { ProxyHeader } from "../http/proxy-protocol.ts";
import { TlvFault, tlvGet } from "../http/proxy-protocol-tlv.ts";
import type { Request } from "../http/request.ts";
import { type TcpInfoField, tcpInfo } from "../net/tcp-info.ts";
import { nowMs } from "../net/timers.ts";
import type { PrefixVariable, VariableDefinition, VariableGet } from "../template/variables.ts";
import { NGINX_VERSION } from "../version.ts";

const OWN_HOSTNAME = hostname().toLowerCase();
const OWN_PID = String(process.pid);

/** The client's address in network byte order, as a key that is shorter than its text. */
function binaryAddress(r: Request): string {
  const bytes = r.clientAddress();
  if (bytes.length === 4) return String.fromCharCode(bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!);
  return bytes.length === 0 ? r.remoteAddress : Buffer.from(bytes).latin1Slice();
}

function serverAddress(r: Request): string {
  const { connection } = r;
  return connection.binding.isUnix ? connection.binding.text : connection.localAddress;
}

function portText(port: number): string {
  return port === 0 ? "" : String(port);
}

function tcp(field: TcpInfoField): VariableGet {
  return (r) => {
    if (r.connection.binding.isUnix) return undefined;
    const value = tcpInfo(r.connection.socket, field);
    return value === undefined ? undefined : String(value);
  };
}

/** A variable of the PROXY protocol's header; not found where there was none. */
function proxyHeader(name: string, read: (header: ProxyHeader) => string): VariableDefinition {
  const get: VariableGet = (r) => {
    const header = r.connection.proxyHeader;
    return header === undefined ? undefined : read(header);
  };
  return { name, get };
}

function tlvVariable(name: string): VariableGet {
  const get = tlvGet(name);
  return (r) => {
    const header = r.connection.proxyHeader;
    if (header === undefined) return undefined;
    const value = get(header.tlvs);
    if (!(value instanceof TlvFault)) return value;
    if (value.message !== "") r.logError(value.message);
    return undefined;
  };
}

/** In the order of ngx_http_variables.c. */
export const connectionVariables: readonly VariableDefinition[] = [
  { name: "binary_remote_addr", get: binaryAddress },
  { name: "remote_addr", get: (r) => r.remoteAddress },
  { name: "remote_port", get: (r) => portText(r.remotePort) },
  proxyHeader("proxy_protocol_addr", (header) => header.sourceAddress),
  proxyHeader("proxy_protocol_port", (header) => portText(header.sourcePort)),
  proxyHeader("proxy_protocol_server_addr", (header) => header.destinationAddress),
  proxyHeader("proxy_protocol_server_port", (header) => portText(header.destinationPort)),
  { name: "server_addr", get: serverAddress },
  { name: "server_port", get: (r) => portText(r.connection.localPort) },
  { name: "pipe", get: (r) => (r.pipelined ? "p" : ".") },
  { name: "connection", get: (r) => String(r.connection.number) },
  { name: "connection_requests", get: (r) => String(r.connection.requests) },
  { name: "connection_time", get: (r) => secondsText(nowMs() - r.connection.startMs) },
  { name: "nginx_version", get: () => NGINX_VERSION },
  { name: "hostname", get: () => OWN_HOSTNAME },
  { name: "pid", get: () => OWN_PID },
  { name: "tcpinfo_rtt", get: tcp("rtt") },
  { name: "tcpinfo_rttvar", get: tcp("rttvar") },
  { name: "tcpinfo_snd_cwnd", get: tcp("snd_cwnd") },
  { name: "tcpinfo_rcv_space", get: tcp("rcv_space") },
];

/** `$proxy_protocol_tlv_*`. */
export const connectionPrefixes: readonly PrefixVariable[] = [{ prefix: "proxy_protocol_tlv_", get: tlvVariable }];
