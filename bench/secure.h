/* TLS of the measuring clients, by OpenSSL: every connection shakes hands in full, and looks at no certificate. */
#ifndef SECURE_H
#define SECURE_H
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/types.h>

static SSL_CTX *secure_context;

static inline void begin_secure(void) {
  secure_context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(secure_context, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_session_cache_mode(secure_context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(secure_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static inline SSL *secure(int fd) {
  SSL *ssl = SSL_new(secure_context);
  SSL_set_fd(ssl, fd);
  SSL_set_connect_state(ssl);
  return ssl;
}

/* As send and recv say it: -1 and EAGAIN to wait, 0 at the end. */
static inline ssize_t as_errno(SSL *ssl, int result) {
  if (result > 0) return result;
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      /* The end of the stream without a close_notify counts as an end. */
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING || ERR_peek_error() == 0) {
        ERR_clear_error();
        return 0;
      }
      ERR_print_errors_fp(stderr);
      errno = EPROTO;
      return -1;
  }
}
#endif
