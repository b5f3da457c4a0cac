/** Configurations of many shapes, each of which loads: what the fuzz test mutates. */
export const CONFIG_SAMPLES: readonly string[] = [
  `# A WebSocket location.
user root root;
worker_processes auto;
error_log logs/error.log warn;
events { worker_connections 1024; }
http {
    server {
        listen 8080;
        server_name chat.example.com;
        location /ws/ {
            proxy_pass http://127.0.0.1:9000;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_read_timeout 1h;
        }
    }
}
`,
  `events {}
http {
    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      close;
    }
    upstream app {
        least_conn;
        server 127.0.0.1:3001 weight=2 max_fails=3 fail_timeout=10s;
        server 127.0.0.1:3002 backup;
        server unix:/tmp/app.sock down;
        keepalive 16;
    }
    server {
        listen 127.0.0.1:8080 default_server;
        listen [::1]:8080 ipv6only=on;
        location / {
            proxy_pass http://app;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }
    }
}
`,
  `events { worker_connections 512; }
http {
    types { text/html html htm; text/css css; image/png png; }
    default_type application/octet-stream;
    server {
        listen 80;
        server_name example.com *.example.com www.example.* "";
        root /srv/site;
        index index.html index.htm;
        location / { try_files $uri $uri/ /index.html; }
        location ~* \\.(?:css|png|jpe?g)$ { expires 30d; add_header Cache-Control public always; }
        location = /favicon.ico { access_log off; log_not_found off; }
        error_page 404 /404.html;
        error_page 500 502 503 504 =200 /50x.html;
        location = /50x.html { internal; }
    }
}
`,
  `events {}
http {
    server {
        listen 8081;
        location /services/myservice {
            rewrite ^/services/myservice/(.*)$ /$1 break;
            proxy_pass http://127.0.0.1:9001;
            proxy_redirect off;
            proxy_buffering off;
        }
        location /old { return 301 https://$host$request_uri; }
        location /text { return 200 "hello \\"you\\" at $remote_addr\\n"; }
        if ($request_method = POST) { return 405; }
        if (-f /tmp/maintenance) { return 503; }
        set $backend "http://127.0.0.1:\${server_port}";
    }
}
`,
  `events {}
http {
    upstream sticky { ip_hash; server 127.0.0.1:4001; server 127.0.0.1:4002; server 127.0.0.1:4003; }
    upstream hashed { hash $request_uri consistent; server 127.0.0.1:4001; server 127.0.0.1:4002; }
    upstream random { random two least_conn; server 127.0.0.1:4001; server 127.0.0.1:4002; }
    server {
        location /socket.io/ { proxy_pass http://sticky; proxy_http_version 1.1; }
        location /h/ { proxy_pass http://hashed/; }
        location /r/ { proxy_pass http://random/x/; }
    }
}
`,
  `events {}
http {
    log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent';
    log_format json escape=json '{"uri":"$uri","time":$request_time}';
    access_log logs/access.log main;
    server {
        server_name ~^(?<sub>[a-z]+)\\.example\\.org$;
        access_log logs/json.log json buffer=32k flush=5s if=$status;
        location / { return 204; }
    }
}
`,
  `events {}
http {
    geo $from { default other; 127.0.0.0/8 local; 10.0.0.0/8 inside; }
    split_clients $remote_addr $variant { 25% a; 25% b; * c; }
    map $uri $target { hostnames; default 0; ~^/(?<id>\\d+)$ $id; "~*\\.PHP$" 1; *.example.com 2; }
    server { listen 8082; location / { return 200 "$from $variant $target"; } }
}
`,
  `events {}
http {
    client_max_body_size 8m;
    client_body_buffer_size 16k;
    client_header_timeout 10s;
    client_body_timeout "1m 30s";
    send_timeout 500ms;
    keepalive_timeout 65s 60s;
    keepalive_requests 100;
    large_client_header_buffers 4 8k;
    sendfile on;
    tcp_nopush on;
    server_tokens off;
    server { listen 8083 backlog=64 reuseport so_keepalive=on; }
}
`,
  `events {}
http {
    server {
        location /admin/ {
            allow 127.0.0.1;
            allow 10.0.0.0/8;
            deny all;
            satisfy all;
            limit_except GET HEAD { deny all; }
        }
        location @fallback { proxy_pass http://127.0.0.1:9002; }
        location /try { error_page 404 = @fallback; root /nowhere; }
        location ^~ /static/ { alias /srv/static/; }
        location ~ ^/user/(?<name>\\w+)/(.*)$ { return 200 $name-$2; }
    }
}
`,
  `events {}
http {
    resolver 127.0.0.1 valid=30s;
    resolver_timeout 5s;
    server {
        set $upstream backend.example.com;
        location / {
            proxy_pass http://$upstream:8080$request_uri;
            proxy_connect_timeout 5s;
            proxy_send_timeout 10s;
            proxy_next_upstream error timeout http_502 non_idempotent;
            proxy_next_upstream_tries 3;
            proxy_buffers 8 4k;
            proxy_buffer_size 4k;
            proxy_busy_buffers_size 8k;
            proxy_hide_header X-Powered-By;
            proxy_cookie_path / /app/;
            proxy_cookie_domain localhost example.com;
            proxy_intercept_errors on;
            proxy_ignore_headers X-Accel-Redirect;
        }
    }
}
`,
  "events{}http{server{listen 8084;location /{return 200;}location =/a{return 201;}}}",
  `events {}
http {
    include snippets/*.conf;
    server { include server.conf; location / { include "proxy.conf"; } }
}
`,
];

/** What the last sample includes. */
export const INCLUDED: Readonly<Record<string, string>> = {
  "/etc/hopway/snippets/a.conf": "server_tokens off;\n",
  "/etc/hopway/snippets/b.conf": "map $host $name { default a; include more.map; }\n",
  "/etc/hopway/more.map": "b c;\n~d e;\n",
  "/etc/hopway/server.conf": "listen 8085;\nserver_name a b;\n",
  "/etc/hopway/proxy.conf": "proxy_pass http://127.0.0.1:9003;\n",
};
