// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Asks routers of the mesh by echoes that they lead on to a machine behind them, and says which come back. One process for all of
// them, for as long as its input is open: a process for each would cost a small device more than the network does.
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "verbs.h"

/* The same on the wire in both families. `mark`: shared/intent/route-probe.ts. */
struct echo {
  __u8 type, code;
  __be16 checksum, id, seq;
  char mark[8];
};
static const char mark[8] = {'h', 'o', 'l', 'd', 'f', 'a', 's', 't'};

enum { LINE_MAX_BYTES = 96, ECHO6 = 128, ECHO_REPLY6 = 129, ECHO4 = 8, ECHO_REPLY4 = 0 };

/* RFC 1071; the kernel does it for ICMPv6. */
static __be16 checksum(const struct echo *echo) {
  __u32 sum = 0;
  __u16 words[sizeof *echo / 2];
  memcpy(words, echo, sizeof words);
  for (unsigned i = 0; i < sizeof words / sizeof *words; i++) sum += words[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

/* At this device alone: nothing of it goes out anywhere else, whatever the routes say. -1 where the host has no such family. */
static int door(int family, const char *device) {
  int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
  if (fd < 0 && errno == EAFNOSUPPORT) return -1;
  if (fd < 0) fail("a socket for ICMP");
  if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device))) fail(device);
  if (family == AF_INET) {
    /* ICMP_FILTER of linux/icmp.h, which the C library's headers don't go with. */
    const __u32 others = ~(1u << ECHO_REPLY4);
    setsockopt(fd, SOL_RAW, 1, &others, sizeof others);
  } else {
    struct icmp6_filter answers;
    ICMP6_FILTER_SETBLOCKALL(&answers);
    ICMP6_FILTER_SETPASS(ECHO_REPLY6, &answers);
    setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &answers, sizeof answers);
  }
  return fd;
}

static void ask(int four, int six, const char *line) {
  char to[64];
  unsigned id, seq;
  if (sscanf(line, "%63s %u %u", to, &id, &seq) != 3 || id > 0xffff || seq > 0xffff) misuse(line);
  struct echo echo = {.type = ECHO4, .id = htons(id), .seq = htons(seq)};
  memcpy(echo.mark, mark, sizeof mark);
  struct sockaddr_in at4 = {.sin_family = AF_INET};
  struct sockaddr_in6 at6 = {.sin6_family = AF_INET6};
  /* What can't be sent now is not answered, which is all that anybody wants to know. */
  if (inet_pton(AF_INET, to, &at4.sin_addr) == 1) {
    echo.checksum = checksum(&echo);
    if (four >= 0 && sendto(four, &echo, sizeof echo, 0, (void *)&at4, sizeof at4) < 0 && errno == ENODEV) fail("the device");
  } else if (inet_pton(AF_INET6, to, &at6.sin6_addr) == 1) {
    echo.type = ECHO6;
    if (six >= 0 && sendto(six, &echo, sizeof echo, 0, (void *)&at6, sizeof at6) < 0 && errno == ENODEV) fail("the device");
  } else
    misuse(line);
}

/* All that have come, one line each. */
static void hear(int fd, int family) {
  unsigned char frame[256];
  char text[INET6_ADDRSTRLEN];
  struct sockaddr_storage from;
  for (;;) {
    socklen_t from_bytes = sizeof from;
    ssize_t bytes = recvfrom(fd, frame, sizeof frame, 0, (void *)&from, &from_bytes);
    if (bytes < 0) return;
    /* Raw sockets of IPv4 give the header of IP as well. */
    ssize_t at = family == AF_INET ? (frame[0] & 15) * 4 : 0;
    struct echo echo;
    if (bytes < at + (ssize_t)sizeof echo) continue;
    memcpy(&echo, frame + at, sizeof echo);
    if (echo.type != (family == AF_INET ? ECHO_REPLY4 : ECHO_REPLY6) || memcmp(echo.mark, mark, sizeof mark)) continue;
    const void *source = family == AF_INET ? (const void *)&((struct sockaddr_in *)&from)->sin_addr
                                           : (const void *)&((struct sockaddr_in6 *)&from)->sin6_addr;
    if (inet_ntop(family, source, text, sizeof text)) printf("%s %u %u\n", text, ntohs(echo.id), ntohs(echo.seq));
  }
}

void echo_ask(char **words) {
  int four = door(AF_INET, words[0]), six = door(AF_INET6, words[0]);
  char lines[4096];
  unsigned held = 0;
  struct pollfd polled[] = {{.fd = 0, .events = POLLIN}, {.fd = four, .events = POLLIN}, {.fd = six, .events = POLLIN}};
  for (;;) {
    if (poll(polled, 3, -1) < 0 && errno != EINTR) fail("poll");
    if (polled[1].revents) hear(four, AF_INET);
    if (polled[2].revents) hear(six, AF_INET6);
    /* Whoever asked is gone where this fails. */
    if (fflush(stdout)) return;
    if (!polled[0].revents) continue;
    ssize_t bytes = read(0, lines + held, sizeof lines - held);
    if (bytes <= 0) return;
    held += bytes;
    unsigned from = 0;
    for (unsigned at = 0; at < held; at++) {
      if (lines[at] != '\n') continue;
      lines[at] = 0;
      ask(four, six, lines + from);
      from = at + 1;
    }
    held -= from;
    memmove(lines, lines + from, held);
    if (held > LINE_MAX_BYTES) misuse("a line that does not end");
  }
}
