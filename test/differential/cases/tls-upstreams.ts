/** TLS towards upstreams: another server of the same gateway, which tells what it sees. */
import { type Group, gets } from "../case.ts";

const TRUST = "proxy_ssl_verify on; proxy_ssl_trusted_certificate {certs}/authority.crt;";

const upstreams: Group = {
  subject: "TLS to upstreams",
  errorLog: "info",
  config: `
  upstream here { server 127.0.0.1:{port2}; }
  upstream two { server 127.0.0.1:{dead}; server 127.0.0.1:{port2}; }
  upstream dead { server 127.0.0.1:{dead}; }
  server {
    listen 127.0.0.1:{port2} ssl;
    ssl_certificate {certs}/server.crt;
    ssl_certificate_key {certs}/server.key;
    ssl_client_certificate {certs}/authority.crt;
    ssl_verify_client optional;
    access_log off;
    error_log /dev/null crit;
    location / { return 200 "$ssl_server_name|$ssl_client_verify|$ssl_client_s_dn|$http_host|$request_uri"; }
    location /redirects { return 301 /there; }
  }
  server {
    listen 127.0.0.1:{port};
    proxy_ssl_session_reuse off;
    location /plain { proxy_pass https://127.0.0.1:{port2}; }
    location /uri/ { proxy_pass https://127.0.0.1:{port2}/other/; }
    location /redirects { proxy_pass https://127.0.0.1:{port2}; }
    location /block { proxy_pass https://here; }
    location /sni { proxy_ssl_server_name on; proxy_pass https://here; }
    location /sni-name { proxy_ssl_server_name on; proxy_ssl_name $arg_name; proxy_pass https://here; }
    location /verified { ${TRUST} proxy_ssl_name $arg_name; proxy_pass https://here; }
    location /host { ${TRUST} proxy_pass https://here; }
    location /untrusted { proxy_ssl_verify on; proxy_ssl_trusted_certificate {certs}/other.crt; proxy_ssl_name test; proxy_pass https://here; }
    location /certificate { proxy_ssl_certificate {certs}/client.crt; proxy_ssl_certificate_key {certs}/client.key; proxy_pass https://here; }
    location /which { proxy_ssl_certificate {certs}/$arg_who.crt; proxy_ssl_certificate_key {certs}/$arg_who.key; proxy_pass https://here; }
    location /next { proxy_pass https://two; }
    location /dead { proxy_pass https://dead; }
    location /variable { set $to 127.0.0.1:{port2}; proxy_pass https://$to; }
    location /variable-block { set $to here; proxy_pass https://$to/x; }
    location /http { proxy_pass https://127.0.0.1:{backend}; }
    location /pages { ${TRUST} error_page 502 = @instead; proxy_pass https://here; }
    location @instead { return 200 "instead"; }
  }
`,
  cases: [
    ...gets("/plain", "/uri/x", "/redirects", "/block", "/sni", "/sni-name?name=test:99", "/sni-name?name=127.0.0.1"),
    ...gets("/verified?name=test", "/verified?name=a.wild.test", "/verified?name=a.b.wild.test", "/verified?name=TEST"),
    ...gets("/verified?name=127.0.0.1", "/verified?name=test:443", "/host", "/untrusted", "/certificate"),
    ...gets("/which?who=client", "/which?who=stranger", "/which?who=nobody", "/next", "/dead", "/pages"),
    ...gets("/variable", "/variable-block"),
  ],
};

export const TLS_UPSTREAMS: readonly Group[] = [upstreams];
