// UDP at more packets a second than a script can send. Prints packets sent a second.
//
//   udp-load send ADDRESS PORT SOURCE-PORT BYTES SECONDS   one flow, as fast as it goes
//   udp-load junk ADDRESS PORT SESSION-PORT SECONDS         noise from true and made-up sources: random bytes, frames of a
//                                                           relay with random content, STUN; 120,000 a second
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, ROOM = 1500, JUNK_PER_SECOND = 120000 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static uint32_t state = 2463534242u;
static uint32_t noise(void) {
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

static int fail(const char *what) {
  perror(what);
  return 1;
}

static int pump(int fd, struct mmsghdr *messages, void (*fill)(int), double seconds, long per_second) {
  double start = now();
  long sent = 0;
  while (now() - start < seconds) {
    if (fill)
      for (int i = 0; i < BATCH; i++) fill(i);
    int n = sendmmsg(fd, messages, BATCH, 0);
    if (n > 0) sent += n;
    while (per_second && sent > per_second * (now() - start)) usleep(50);
  }
  printf("%.0f\n", sent / (now() - start));
  return 0;
}

static uint8_t packets[BATCH][ROOM];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];
static struct sockaddr_in to;

static int send_flow(int source, size_t bytes, double seconds) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(source)};
  if (bind(fd, (struct sockaddr *)&from, sizeof from)) return fail("bind");
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) return fail("connect");
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){packets[i], bytes};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  return pump(fd, messages, NULL, seconds, 0);
}

static uint16_t junk_ports[2];

static void fill_junk(int i) {
  static const size_t lengths[] = {64, 400, 30, 20, 200};
  static const uint32_t heads[] = {0xf0687201, 0xf0687201, 0xf0687201, 0x00010000, 0};
  static const uint8_t kinds[] = {1, 3, 5, 0x21, 0};
  int kind = noise() % 5;
  struct iphdr *ip = (struct iphdr *)packets[i];
  struct udphdr *udp = (struct udphdr *)(ip + 1);
  uint8_t *body = (uint8_t *)(udp + 1);
  for (size_t at = 0; at < lengths[kind]; at += 4) {
    uint32_t word = noise();
    memcpy(body + at, &word, 4);
  }
  if (kinds[kind]) {
    uint32_t head = htonl(heads[kind]);
    memcpy(body, &head, 4);
    memset(body + 4, 0, 4);
    body[4] = kinds[kind];
    if (kind == 3) memcpy(body + 4, "\x21\x12\xa4\x42", 4);
  }
  size_t length = sizeof *ip + sizeof *udp + lengths[kind];
  // Every second one from an address that is nobody's.
  uint32_t source = noise() & 1 ? 0 : htonl(0xc6130000 | (noise() & 0xffff));
  *ip = (struct iphdr){.version = 4, .ihl = 5, .tot_len = htons(length), .ttl = 64, .protocol = IPPROTO_UDP,
                       .saddr = source, .daddr = to.sin_addr.s_addr};
  *udp = (struct udphdr){.source = htons(1024 + noise() % 60000), .dest = junk_ports[noise() % 4 == 0],
                         .len = htons(sizeof *udp + lengths[kind])};
  parts[i] = (struct iovec){packets[i], length};
}

static int send_junk(double seconds) {
  int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (fd < 0) return fail("raw socket");
  for (int i = 0; i < BATCH; i++)
    messages[i].msg_hdr =
        (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &parts[i], .msg_iovlen = 1};
  return pump(fd, messages, fill_junk, seconds, JUNK_PER_SECOND);
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
  inet_pton(AF_INET, argv[2], &to.sin_addr);
  if (strcmp(argv[1], "send") == 0 && argc == 7) return send_flow(atoi(argv[4]), atoi(argv[5]), atof(argv[6]));
  junk_ports[0] = htons(atoi(argv[3]));
  junk_ports[1] = htons(atoi(argv[4]));
  to.sin_port = 0;
  return send_junk(atof(argv[5]));
}
