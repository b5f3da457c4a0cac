/** Directives of nginx's http core that tune what hopway does differently or not at all. */
import { flag, number, offset, seconds, size, text } from "../config/arguments.ts";
import {
  type AcceptedRow,
  type ArgumentType,
  HTTP,
  HTTP_SERVER_LOCATION,
  LOCATION_IF,
  SERVER,
} from "../config/directive.ts";
import { bufs, leveledPath } from "../config/list-arguments.ts";
import { aioMode, directioSize, lowWater, openFileCache, poolSize } from "./http-core-accepted-arguments.ts";

function accepted(name: string, where: number, check: ArgumentType<unknown>, why: string): AcceptedRow {
  return { name, in: where, arity: check.arity, check, doc: why, accepted: why };
}

const HASHES = "hash tables size themselves";
const POOLS = "memory is managed by the runtime";
const WRITES = "responses leave in as few writes as possible, with TCP_NODELAY";
const ABSENT = "nothing is stored there: the module is not built in";
const FILES = "files are read in pieces as the client takes them";

const FLAG = flag(undefined);
const NUMBER = number(undefined);
const SECONDS = seconds(undefined);
const SIZE = size(undefined);
const OFFSET = offset(undefined);
const TEXT = text(undefined);
const BUFFERS = bufs(undefined);
const TEMP_PATH = leveledPath(undefined);

/** Accepted, checked as nginx checks them, named once by `-t`. */
export const acceptedCoreRows: readonly AcceptedRow[] = [
  accepted("variables_hash_max_size", HTTP, NUMBER, HASHES),
  accepted("variables_hash_bucket_size", HTTP, NUMBER, HASHES),
  accepted("server_names_hash_max_size", HTTP, NUMBER, HASHES),
  accepted("server_names_hash_bucket_size", HTTP, NUMBER, HASHES),
  accepted("types_hash_max_size", HTTP_SERVER_LOCATION, NUMBER, HASHES),
  accepted("types_hash_bucket_size", HTTP_SERVER_LOCATION, NUMBER, HASHES),
  accepted("connection_pool_size", HTTP | SERVER, poolSize, POOLS),
  accepted("request_pool_size", HTTP | SERVER, poolSize, POOLS),
  accepted("client_body_in_single_buffer", HTTP_SERVER_LOCATION, FLAG, POOLS),
  accepted("subrequest_output_buffer_size", HTTP_SERVER_LOCATION, SIZE, POOLS),
  accepted("sendfile", HTTP_SERVER_LOCATION | LOCATION_IF, FLAG, FILES),
  accepted("sendfile_max_chunk", HTTP_SERVER_LOCATION, SIZE, FILES),
  accepted("aio", HTTP_SERVER_LOCATION, aioMode, FILES),
  accepted("aio_write", HTTP_SERVER_LOCATION, FLAG, FILES),
  accepted("directio", HTTP_SERVER_LOCATION, directioSize, FILES),
  accepted("directio_alignment", HTTP_SERVER_LOCATION, OFFSET, FILES),
  accepted("read_ahead", HTTP_SERVER_LOCATION, SIZE, FILES),
  accepted("output_buffers", HTTP_SERVER_LOCATION, BUFFERS, FILES),
  accepted("open_file_cache", HTTP_SERVER_LOCATION, openFileCache, FILES),
  accepted("open_file_cache_valid", HTTP_SERVER_LOCATION, SECONDS, FILES),
  accepted("open_file_cache_min_uses", HTTP_SERVER_LOCATION, NUMBER, FILES),
  accepted("open_file_cache_errors", HTTP_SERVER_LOCATION, FLAG, FILES),
  accepted("tcp_nopush", HTTP_SERVER_LOCATION, FLAG, WRITES),
  accepted("tcp_nodelay", HTTP_SERVER_LOCATION, FLAG, WRITES),
  accepted("send_lowat", HTTP_SERVER_LOCATION, lowWater, WRITES),
  accepted("postpone_output", HTTP_SERVER_LOCATION, SIZE, WRITES),
  accepted("fastcgi_temp_path", HTTP_SERVER_LOCATION, TEMP_PATH, ABSENT),
  accepted("msie_refresh", HTTP_SERVER_LOCATION, FLAG, "no browser in use needs a page instead of a redirect"),
  accepted("post_action", HTTP_SERVER_LOCATION | LOCATION_IF, TEXT, "nginx does not document it"),
];
