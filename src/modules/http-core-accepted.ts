/** Directives of nginx's http core that tune what hopway does differently or not at all. */
import { flag, number, offset, seconds, size, text } from "../config/arguments.ts";
import { type AcceptedRow, acceptedRow, HTTP, HTTP_SERVER_LOCATION, LOCATION_IF, SERVER } from "../config/directive.ts";
import { bufs, leveledPath } from "../config/list-arguments.ts";
import { aioMode, directioSize, lowWater, openFileCache, poolSize } from "./http-core-accepted-arguments.ts";

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
  acceptedRow("variables_hash_max_size", HTTP, NUMBER, HASHES),
  acceptedRow("variables_hash_bucket_size", HTTP, NUMBER, HASHES),
  acceptedRow("server_names_hash_max_size", HTTP, NUMBER, HASHES),
  acceptedRow("server_names_hash_bucket_size", HTTP, NUMBER, HASHES),
  acceptedRow("types_hash_max_size", HTTP_SERVER_LOCATION, NUMBER, HASHES),
  acceptedRow("types_hash_bucket_size", HTTP_SERVER_LOCATION, NUMBER, HASHES),
  acceptedRow("connection_pool_size", HTTP | SERVER, poolSize, POOLS),
  acceptedRow("request_pool_size", HTTP | SERVER, poolSize, POOLS),
  acceptedRow("client_body_in_single_buffer", HTTP_SERVER_LOCATION, FLAG, POOLS),
  acceptedRow("subrequest_output_buffer_size", HTTP_SERVER_LOCATION, SIZE, POOLS),
  acceptedRow("sendfile", HTTP_SERVER_LOCATION | LOCATION_IF, FLAG, FILES),
  acceptedRow("sendfile_max_chunk", HTTP_SERVER_LOCATION, SIZE, FILES),
  acceptedRow("aio", HTTP_SERVER_LOCATION, aioMode, FILES),
  acceptedRow("aio_write", HTTP_SERVER_LOCATION, FLAG, FILES),
  acceptedRow("directio", HTTP_SERVER_LOCATION, directioSize, FILES),
  acceptedRow("directio_alignment", HTTP_SERVER_LOCATION, OFFSET, FILES),
  acceptedRow("read_ahead", HTTP_SERVER_LOCATION, SIZE, FILES),
  acceptedRow("output_buffers", HTTP_SERVER_LOCATION, BUFFERS, FILES),
  acceptedRow("open_file_cache", HTTP_SERVER_LOCATION, openFileCache, FILES),
  acceptedRow("open_file_cache_valid", HTTP_SERVER_LOCATION, SECONDS, FILES),
  acceptedRow("open_file_cache_min_uses", HTTP_SERVER_LOCATION, NUMBER, FILES),
  acceptedRow("open_file_cache_errors", HTTP_SERVER_LOCATION, FLAG, FILES),
  acceptedRow("tcp_nopush", HTTP_SERVER_LOCATION, FLAG, WRITES),
  acceptedRow("tcp_nodelay", HTTP_SERVER_LOCATION, FLAG, WRITES),
  acceptedRow("send_lowat", HTTP_SERVER_LOCATION, lowWater, WRITES),
  acceptedRow("postpone_output", HTTP_SERVER_LOCATION, SIZE, WRITES),
  acceptedRow("fastcgi_temp_path", HTTP_SERVER_LOCATION, TEMP_PATH, ABSENT),
  acceptedRow("msie_refresh", HTTP_SERVER_LOCATION, FLAG, "no browser in use needs a page instead of a redirect"),
  acceptedRow("post_action", HTTP_SERVER_LOCATION | LOCATION_IF, TEXT, "nginx does not document it"),
];
