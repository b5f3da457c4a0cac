/** Directives of nginx's http core that tune what hopway does differently or not at all. */
import {
  type AcceptedRow,
  atLeast,
  between,
  exactly,
  HTTP,
  HTTP_SERVER_LOCATION,
  LOCATION_IF,
  SERVER,
} from "../config/directive.ts";

function accepted(name: string, where: number, arity: AcceptedRow["arity"], why: string): AcceptedRow {
  return { name, in: where, arity, doc: why, accepted: why };
}

const HASHES = "hash tables size themselves";
const POOLS = "memory is managed by the runtime";
const WRITES = "responses leave in as few writes as possible, with TCP_NODELAY";
const ABSENT = "nothing is stored there: the module is not built in";
const FILES = "files are read in pieces as the client takes them";

/** Accepted, checked for place and number of arguments, named once by `-t`. */
export const acceptedCoreRows: readonly AcceptedRow[] = [
  accepted("variables_hash_max_size", HTTP, exactly(1), HASHES),
  accepted("variables_hash_bucket_size", HTTP, exactly(1), HASHES),
  accepted("server_names_hash_max_size", HTTP, exactly(1), HASHES),
  accepted("server_names_hash_bucket_size", HTTP, exactly(1), HASHES),
  accepted("types_hash_max_size", HTTP_SERVER_LOCATION, exactly(1), HASHES),
  accepted("types_hash_bucket_size", HTTP_SERVER_LOCATION, exactly(1), HASHES),
  accepted("connection_pool_size", HTTP | SERVER, exactly(1), POOLS),
  accepted("request_pool_size", HTTP | SERVER, exactly(1), POOLS),
  accepted("client_body_in_single_buffer", HTTP_SERVER_LOCATION, exactly(1), POOLS),
  accepted("subrequest_output_buffer_size", HTTP_SERVER_LOCATION, exactly(1), POOLS),
  accepted("sendfile", HTTP_SERVER_LOCATION | LOCATION_IF, exactly(1), FILES),
  accepted("sendfile_max_chunk", HTTP_SERVER_LOCATION, exactly(1), FILES),
  accepted("aio", HTTP_SERVER_LOCATION, exactly(1), FILES),
  accepted("aio_write", HTTP_SERVER_LOCATION, exactly(1), FILES),
  accepted("directio", HTTP_SERVER_LOCATION, exactly(1), FILES),
  accepted("directio_alignment", HTTP_SERVER_LOCATION, exactly(1), FILES),
  accepted("read_ahead", HTTP_SERVER_LOCATION, exactly(1), FILES),
  accepted("output_buffers", HTTP_SERVER_LOCATION, exactly(2), FILES),
  accepted("open_file_cache", HTTP_SERVER_LOCATION, between(1, 2), FILES),
  accepted("open_file_cache_valid", HTTP_SERVER_LOCATION, exactly(1), FILES),
  accepted("open_file_cache_min_uses", HTTP_SERVER_LOCATION, exactly(1), FILES),
  accepted("open_file_cache_errors", HTTP_SERVER_LOCATION, exactly(1), FILES),
  accepted("tcp_nopush", HTTP_SERVER_LOCATION, exactly(1), WRITES),
  accepted("tcp_nodelay", HTTP_SERVER_LOCATION, exactly(1), WRITES),
  accepted("send_lowat", HTTP_SERVER_LOCATION, exactly(1), WRITES),
  accepted("postpone_output", HTTP_SERVER_LOCATION, exactly(1), WRITES),
  accepted("fastcgi_temp_path", HTTP_SERVER_LOCATION, between(1, 4), ABSENT),
  accepted("uwsgi_temp_path", HTTP_SERVER_LOCATION, between(1, 4), ABSENT),
  accepted("scgi_temp_path", HTTP_SERVER_LOCATION, between(1, 4), ABSENT),
  accepted("msie_refresh", HTTP_SERVER_LOCATION, exactly(1), "no browser in use needs a page instead of a redirect"),
  accepted("post_action", HTTP_SERVER_LOCATION | LOCATION_IF, atLeast(1), "nginx does not document it"),
];
