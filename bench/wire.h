/* What backend.c and client.c share: frames of RFC 6455 and sockets that do not block. */
#ifndef WIRE_H
#define WIRE_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The example handshake of RFC 6455, section 1.3: the same key each time, so that nobody has to compute the answer. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { BINARY = 2, CLOSE = 8, MAX_HEADER = 14 };

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static inline void no_delay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Writes the header of a final frame and returns its length, without the mask. */
static inline size_t put_header(uint8_t *at, int opcode, uint64_t length, int masked) {
  uint8_t bit = masked ? 0x80 : 0;
  at[0] = (uint8_t)(0x80 | opcode);
  if (length < 126) {
    at[1] = (uint8_t)(bit | length);
    return 2;
  }
  size_t bytes = length < 65536 ? 2 : 8;
  at[1] = (uint8_t)(bit | (bytes == 2 ? 126 : 127));
  for (size_t i = 0; i < bytes; i++) at[2 + i] = (uint8_t)(length >> 8 * (bytes - 1 - i));
  return 2 + bytes;
}

/* Reads a header with its mask. Returns its length, or 0 when there is not enough of it. */
static inline size_t get_header(const uint8_t *at, size_t have, int *opcode, uint64_t *length, const uint8_t **mask) {
  if (have < 2) return 0;
  size_t bytes = (at[1] & 127) == 126 ? 2 : (at[1] & 127) == 127 ? 8 : 0;
  size_t size = 2 + bytes + (at[1] & 0x80 ? 4 : 0);
  if (have < size) return 0;
  *opcode = at[0] & 15;
  *length = bytes == 0 ? at[1] & 127 : 0;
  for (size_t i = 0; i < bytes; i++) *length = *length << 8 | at[2 + i];
  *mask = at[1] & 0x80 ? at + size - 4 : NULL;
  return size;
}

/* Masks or unmasks, eight bytes at a time. */
static inline void apply_mask(uint8_t *to, const uint8_t *from, size_t length, const uint8_t mask[4]) {
  uint8_t twice[8] = {mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]};
  uint64_t wide, part;
  memcpy(&wide, twice, 8);
  size_t i = 0;
  for (; i + 8 <= length; i += 8) {
    memcpy(&part, from + i, 8);
    part ^= wide;
    memcpy(to + i, &part, 8);
  }
  for (; i < length; i++) to[i] = from[i] ^ mask[i & 3];
}
#endif
