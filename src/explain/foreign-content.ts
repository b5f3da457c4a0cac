/** Directives that hand a location's requests to something that a simulation does not have. */
export const FOREIGN_CONTENT =
  /^(?:(?:fastcgi|grpc|memcached|scgi_tls|tunnel|drizzle|redis|redis2|passenger|mogilefs)_pass|content_by_lua(?:_block|_file)?|js_content|perl|stub_status|vhost_traffic_status_display|status|api|hls|mp4|flv|f4f|empty_gif|echo|echo_exec|dav_methods|autoindex|random_index|rtmp_stat|push_stream_\w+|nchan_\w+|passenger_enabled|upload_pass|image_filter|secure_link_pass)$/;
