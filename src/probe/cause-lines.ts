/** The lines of proxies that usually bring a failure about, or mend it. */
import type { Product } from "./product.ts";

export type ProductLines = Partial<Readonly<Record<Product, readonly string[]>>>;

/** The upgrade must reach the backend. */
export const PASS_UPGRADE: ProductLines = {
  nginx: [
    "proxy_http_version 1.1;",
    "proxy_set_header Upgrade $http_upgrade;",
    'proxy_set_header Connection "upgrade";',
  ],
  Apache: [
    'ProxyPass "/ws" "http://127.0.0.1:3000/ws" upgrade=websocket',
    "# before 2.4.47: mod_proxy_wstunnel and ws://127.0.0.1:3000/ws",
  ],
  HAProxy: ["# passes upgrades by itself: look for http-request del-header Upgrade, or a backend with proto h2"],
  Caddy: ["# reverse_proxy passes upgrades by itself: look for header_up -Upgrade or header_up -Connection"],
  Traefik: ["# passes upgrades by itself: look for a headers middleware that sets Connection or Upgrade"],
  ALB: ["# passes upgrades by itself: the target group's protocol version must be HTTP1"],
  Cloudflare: ["# Network > WebSockets: On"],
};

/** The backend must be told the name that the client asked for. */
export const PASS_HOST: ProductLines = {
  nginx: ["proxy_set_header Host $host;"],
  Apache: ["ProxyPreserveHost On"],
  HAProxy: ["# passes Host by itself: look for http-request set-header Host"],
  Caddy: ["header_up Host {host}"],
  Traefik: ["passHostHeader: true"],
  ALB: ["# routing.http.preserve_host_header.enabled = true"],
  Cloudflare: ["# Rules > Origin Rules: look for a Host header override"],
};

/** The path that arrives must be the one that the application listens on. */
export const PATHS: ProductLines = {
  nginx: [
    "location /ws/ {",
    "  proxy_pass http://127.0.0.1:3000;   # with a path behind the port, that replaces /ws/",
    "}",
  ],
  Apache: ['ProxyPass "/ws" "http://127.0.0.1:3000/ws" upgrade=websocket   # both paths end the same way'],
  HAProxy: ["use_backend app if { path_beg /ws }   # and look for http-request replace-path"],
  Caddy: ["reverse_proxy /ws* 127.0.0.1:3000   # handle_path takes the prefix off, handle does not"],
  Traefik: ["rule: Host(`example.com`) && PathPrefix(`/ws`)   # and look for StripPrefix"],
  ALB: ["# a listener rule with path pattern /ws* to the application's target group"],
};

/** A path needs a rule that passes it on. */
export const PROXY_PATH: ProductLines = {
  nginx: [
    "location /ws {",
    "  proxy_pass http://127.0.0.1:3000;",
    ...(PASS_UPGRADE.nginx ?? []).map((line) => `  ${line}`),
    "}",
  ],
  Apache: ['ProxyPass "/ws" "http://127.0.0.1:3000/ws" upgrade=websocket   # above what serves files'],
  Caddy: ["reverse_proxy /ws* 127.0.0.1:3000"],
};

/** Who may come. */
export const ACCESS_RULES: ProductLines = {
  nginx: ["# look at allow, deny, valid_referers and if ($http_origin ...) of the location"],
  Apache: ["# look at Require, and RewriteRule ... [F]"],
  HAProxy: ["# look for http-request deny, and its condition"],
  Caddy: ["# look for respond 403, and its matcher"],
  Traefik: ["# look for an ipAllowList or forwardAuth middleware"],
  ALB: ["# look for a fixed response, and AWS WAF"],
  Cloudflare: ["# Security > Events says which rule it was"],
};

/** Fields of the answer must come back. */
export const KEEP_ANSWER: ProductLines = {
  nginx: ["# look for proxy_hide_header Upgrade, or Sec-WebSocket-Accept"],
  Apache: ["# look for Header unset Upgrade"],
  HAProxy: ["# look for http-response del-header Upgrade"],
  Caddy: ["# look for header_down -Upgrade"],
  Traefik: ["# look for customResponseHeaders with an empty Upgrade"],
};

/** The backend must be there. */
export const BACKEND: ProductLines = {
  nginx: ["proxy_pass http://127.0.0.1:3000;   # the error log says which address failed, and how"],
  Apache: ['ProxyPass "/ws" "http://127.0.0.1:3000/ws" upgrade=websocket'],
  HAProxy: ["server app 127.0.0.1:3000 check"],
  Caddy: ["reverse_proxy 127.0.0.1:3000"],
  Traefik: ["loadBalancer: { servers: [{ url: http://127.0.0.1:3000 }] }"],
  ALB: ["# target group: port, and a health check that the application answers with 200"],
  Cloudflare: ["# the origin must answer on that port, and let in Cloudflare's addresses"],
};

/** How long a tunnel may be silent. */
export const IDLE: ProductLines = {
  nginx: ["proxy_read_timeout 1h;   # 60s by default"],
  Apache: ["ProxyTimeout 3600   # or ProxyPass ... timeout=3600; 60 by default"],
  HAProxy: ["timeout tunnel 1h   # timeout client and server else"],
  Caddy: ["stream_timeout 24h   # no limit by default; look at what is in front"],
  Traefik: ["respondingTimeouts: { idleTimeout: 3600s, readTimeout: 0s }"],
  ALB: ["idle_timeout.timeout_seconds = 3600   # 60 by default"],
  Cloudflare: ["# ends connections that are silent for 100 s: let the application ping every 30 s"],
};

/** How long the backend may take for its answer. */
export const SLOW: ProductLines = {
  nginx: ["proxy_connect_timeout 10s;", "proxy_read_timeout 60s;   # for the answer to the handshake, too"],
  Apache: ["ProxyTimeout 60"],
  HAProxy: ["timeout connect 5s", "timeout server 60s"],
  Caddy: ["transport http { dial_timeout 5s; response_header_timeout 60s }"],
  Traefik: ["forwardingTimeouts: { dialTimeout: 5s, responseHeaderTimeout: 60s }"],
  ALB: ["idle_timeout.timeout_seconds = 60"],
  Cloudflare: ["# waits 100 s for the origin (524)"],
};

/** HTTP/1.1 beside HTTP/2. */
export const HTTP1: ProductLines = {
  nginx: ["listen 443 ssl;", "http2 on;   # offers both; listen 80 http2 without ssl does not"],
  Apache: ["Protocols h2 http/1.1"],
  HAProxy: ["bind :443 ssl crt site.pem alpn h2,http/1.1"],
  Caddy: ["servers { protocols h1 h2 h3 }"],
  Traefik: ["alpnProtocols: [h2, http/1.1]"],
  ALB: ["# listeners offer both; a gRPC target group takes HTTP/2 alone"],
};

/** How much a POST may hold. */
export const BODY: ProductLines = {
  nginx: ["client_max_body_size 1m;   # the default, and what Socket.IO takes"],
  Apache: ["LimitRequestBody 1048576"],
  Caddy: ["request_body { max_size 1MB }"],
  Traefik: ["buffering: { maxRequestBodyBytes: 1048576 }"],
};

/** Clients that are counted. */
export const LIMITS: ProductLines = {
  nginx: ["limit_conn per_client 50;   # behind another proxy with set_real_ip_from and real_ip_header"],
  HAProxy: ["http-request deny deny_status 429 if { sc_conn_cur(0) gt 50 }"],
  Traefik: ["inFlightReq: { amount: 50 }"],
  Cloudflare: ["# Security > WAF > Rate limiting rules"],
};

/** Redirects that are meant for pages. */
export const REDIRECTS: ProductLines = {
  nginx: ["return 301 https://$host$request_uri;   # meant for pages: connect to wss:// at once"],
  Apache: ["Redirect permanent / https://example.com/"],
  HAProxy: ["http-request redirect scheme https unless { ssl_fc }"],
  Caddy: ["# redirects http to https by itself: connect to wss://"],
  Traefik: ["redirections: { entryPoint: { to: websecure, scheme: https } }"],
  Cloudflare: ["# SSL/TLS > Edge Certificates > Always Use HTTPS"],
};

/** Sessions stay with their server. */
export const STICKY: ProductLines = {
  nginx: ["ip_hash;   # in the upstream block"],
  Apache: ["ProxySet stickysession=ROUTEID"],
  HAProxy: ["balance source   # or: cookie SRV insert indirect nocache"],
  Caddy: ["lb_policy ip_hash"],
  Traefik: ["sticky: { cookie: {} }"],
  ALB: ["stickiness.enabled = true"],
};
