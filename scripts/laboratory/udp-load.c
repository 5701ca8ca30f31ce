// UDP at more packets a second than a script can send. Prints packets sent a second.
//
//   udp-load send ADDRESS PORT SOURCE-PORT BYTES SECONDS [HEAD]    one flow, as fast as it goes; HEAD: its first bytes,
//       in hexadecimal
//   udp-load junk ADDRESS PORT[,PORT…] SECONDS PER-SECOND [FRAMES|- [AS-ADDRESS AS-PORT]]
//       noise from true and made-up sources, or as somebody else: random bytes, frames of nodes and relays with random
//       content, STUN, WireGuard; and frames that were caught before, played again
//   udp-load six ADDRESS PORT SOURCE-PORT PACKETS [PER-SECOND]      IPv6, with sums that no device makes
//   udp-load catch SECONDS      prints the frames that pass, for FRAMES
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, ROOM = 1500 };
/* At 100,000 a second half of what the queue behind a veth holds (net.core.netdev_max_backlog, 1000). */
static const double DEBT_SECONDS_MAX = 0.005;

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

/* Waits for the time that is due, and returns it. What was missed in a longer wait for a core is not made up for: a burst would
   measure the kernel's queues. */
static double keep_pace(double due) {
  if (due < now() - DEBT_SECONDS_MAX) due = now();
  while (due > now()) usleep(50);
  return due;
}

static int pump(int fd, struct mmsghdr *messages, void (*fill)(int), double seconds, long per_second) {
  double start = now(), paced = start;
  long sent = 0;
  while (now() - start < seconds) {
    if (fill)
      for (int i = 0; i < BATCH; i++) fill(i);
    int n = sendmmsg(fd, messages, BATCH, 0);
    if (n > 0) sent += n;
    if (per_second && n > 0) {
      paced = keep_pace(paced + (double)n / per_second);
    }
  }
  printf("%.0f\n", sent / (now() - start));
  return 0;
}

static uint8_t packets[BATCH][ROOM];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];
static struct sockaddr_in to;

static int send_flow(int source, size_t bytes, double seconds, const char *head) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(source)};
  if (bind(fd, (struct sockaddr *)&from, sizeof from)) return fail("bind");
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) return fail("connect");
  for (int i = 0; i < BATCH; i++) {
    for (size_t at = 0; 2 * at + 1 < strlen(head) && at < bytes; at++) sscanf(head + 2 * at, "%2hhx", &packets[i][at]);
    parts[i] = (struct iovec){packets[i], bytes};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  return pump(fd, messages, NULL, seconds, 0);
}

/* Kinds of junk: first words of the payload, and how long it is; the rest is noise. */
static const struct {
  size_t length;
  uint32_t words[2];
  int known;
} kinds[] = {
    {64, {0, 0}, 0},                           /* noise */
    {82, {0xf0686601, 0x01000000}, 2},         /* a ping between nodes, with a seal of nobody's */
    {82, {0xf0686601, 0x02000000}, 2},         /* its answer */
    {400, {0xf0687201, 0x01000000}, 2},        /* HELLO to a relay */
    {320, {0xf0687201, 0x03000000}, 2},        /* BIND */
    {48, {0xf0687201, 0x05000000}, 2},         /* REFRESH */
    {32, {0x00010000, 0x2112a442}, 2},         /* a question of STUN */
    {32, {0x01010000, 0x2112a442}, 2},         /* an answer nobody asked for */
    {148, {0x01000000, 0}, 1},                 /* the first message of a WireGuard handshake */
    {92, {0x02000000, 0}, 1},                  /* the second */
    {128, {0x04000000, 0}, 1},                 /* WireGuard data of no session */
};
enum { KINDS = sizeof kinds / sizeof *kinds, PORTS_MAX = 8, CAUGHT_MAX = 4096 };

static uint16_t ports[PORTS_MAX];
static int port_count;
static struct sockaddr_in as;
static uint8_t caught[CAUGHT_MAX][512];
static size_t caught_length[CAUGHT_MAX];
static unsigned caught_count;

static struct sockaddr_in self;

/* Over the pseudo header, too (RFC 768): a frame without checksum would end at the socket. */
static uint16_t checksum(const struct iphdr *ip, const struct udphdr *udp) {
  uint16_t length = ntohs(udp->len), word;
  uint32_t sum = (ip->saddr & 0xffff) + (ip->saddr >> 16) + (ip->daddr & 0xffff) + (ip->daddr >> 16) +
                 htons(IPPROTO_UDP) + udp->len;
  for (uint16_t at = 0; at < length; at += 2) {
    word = at + 1 == length ? ((const uint8_t *)udp)[at] : 0;
    if (at + 1 < length) memcpy(&word, (const uint8_t *)udp + at, 2);
    sum += word;
  }
  sum = (sum & 0xffff) + (sum >> 16);
  sum += sum >> 16;
  return (uint16_t)~sum == 0 ? 0xffff : ~sum;
}

static size_t fill_body(uint8_t *body) {
  unsigned kind = noise() % (KINDS + (caught_count > 0));
  if (kind == KINDS) {
    unsigned which = noise() % caught_count;
    memcpy(body, caught[which], caught_length[which]);
    return caught_length[which];
  }
  for (size_t at = 0; at < kinds[kind].length; at += 4) {
    uint32_t word = (int)(at / 4) < kinds[kind].known ? htonl(kinds[kind].words[at / 4]) : noise();
    memcpy(body + at, &word, 4);
  }
  return kinds[kind].length;
}

static void fill_junk(int i) {
  struct iphdr *ip = (struct iphdr *)packets[i];
  struct udphdr *udp = (struct udphdr *)(ip + 1);
  size_t bytes = fill_body((uint8_t *)(udp + 1));
  size_t length = sizeof *ip + sizeof *udp + bytes;
  /* As somebody else where that is asked for; else every second one from an address that is nobody's. */
  uint32_t source = as.sin_port ? as.sin_addr.s_addr : noise() & 1 ? self.sin_addr.s_addr : htonl(0xc6130000 | (noise() & 0xffff));
  *ip = (struct iphdr){.version = 4, .ihl = 5, .tot_len = htons(length), .ttl = 64, .protocol = IPPROTO_UDP,
                       .saddr = source, .daddr = to.sin_addr.s_addr};
  *udp = (struct udphdr){.source = as.sin_port ? as.sin_port : htons(1024 + noise() % 60000),
                         .dest = ports[noise() % port_count], .len = htons(sizeof *udp + bytes)};
  udp->check = checksum(ip, udp);
  parts[i] = (struct iovec){packets[i], length};
}

/* The address that packets to the target come from. */
static int find_self(void) {
  struct sockaddr_in there = to;
  socklen_t size = sizeof self;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  there.sin_port = ports[0];
  if (fd < 0 || connect(fd, (struct sockaddr *)&there, sizeof there)) return fail("connect");
  if (getsockname(fd, (struct sockaddr *)&self, &size)) return fail("getsockname");
  return close(fd);
}

static int read_caught(const char *path) {
  FILE *file = fopen(path, "r");
  static char line[2048];
  if (!file) return fail(path);
  while (caught_count < CAUGHT_MAX && fgets(line, sizeof line, file)) {
    size_t bytes = strcspn(line, "\n") / 2;
    if (bytes == 0 || bytes > sizeof *caught) continue;
    for (size_t at = 0; at < bytes; at++) sscanf(line + 2 * at, "%2hhx", &caught[caught_count][at]);
    caught_length[caught_count++] = bytes;
  }
  return fclose(file);
}

static int send_junk(double seconds, long per_second) {
  int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (fd < 0) return fail("raw socket");
  for (int i = 0; i < BATCH; i++)
    messages[i].msg_hdr =
        (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &parts[i], .msg_iovlen = 1};
  return pump(fd, messages, fill_junk, seconds, per_second);
}

/* Between hosts of the lab sums of ordinary sockets are never made: who forwards them wrongly would not be noticed. */
static int send_six(const char *address, int port, int source, long packets, long per_second) {
  struct {
    struct udphdr udp;
    uint8_t body[96];
  } packet = {.udp = {.source = htons(source), .dest = htons(port), .len = htons(sizeof packet)}};
  struct sockaddr_in6 there = {.sin6_family = AF_INET6};
  int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_UDP), at = 6;
  if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &at, sizeof at)) return fail("raw socket");
  inet_pton(AF_INET6, address, &there.sin6_addr);
  double paced = now();
  for (long i = 0; i < packets; i++) {
    if (per_second) paced = keep_pace(paced + 1.0 / per_second);
    for (size_t byte = 4; byte < sizeof packet.body; byte++) packet.body[byte] = noise();
    packet.udp.check = 0;
    if (sendto(fd, &packet, sizeof packet, 0, (struct sockaddr *)&there, sizeof there) < 0) return fail("sendto");
  }
  return 0;
}

/* Every frame of Holdfast that this host sends or is sent, as hexadecimal lines. */
static int catch_frames(double seconds) {
  int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
  struct timeval patience = {.tv_usec = 100000};
  static uint8_t packet[2048];
  if (fd < 0) return fail("packet socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  for (double start = now(); now() - start < seconds;) {
    ssize_t length = recv(fd, packet, sizeof packet, 0);
    if (length < 29 || packet[0] != 0x45 || packet[9] != IPPROTO_UDP || packet[28] != 0xf0) continue;
    for (ssize_t at = 28; at < length; at++) printf("%02x", packet[at]);
    printf("\n");
  }
  return 0;
}

static int junk(int argc, char **argv) {
  to = (struct sockaddr_in){.sin_family = AF_INET};
  inet_pton(AF_INET, argv[2], &to.sin_addr);
  for (char *port = strtok(argv[3], ","); port && port_count < PORTS_MAX; port = strtok(NULL, ","))
    ports[port_count++] = htons(atoi(port));
  if (argc > 6 && strcmp(argv[6], "-") != 0 && read_caught(argv[6]) != 0) return 1;
  if (argc > 8) {
    inet_pton(AF_INET, argv[7], &as.sin_addr);
    as.sin_port = htons(atoi(argv[8]));
  }
  return find_self() ? 1 : send_junk(atof(argv[4]), atol(argv[5]));
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "catch") == 0) return catch_frames(atof(argv[2]));
  if (argc >= 6 && strcmp(argv[1], "junk") == 0) return junk(argc, argv);
  if (argc >= 6 && strcmp(argv[1], "six") == 0)
    return send_six(argv[2], atoi(argv[3]), atoi(argv[4]), atol(argv[5]), argc > 6 ? atol(argv[6]) : 0);
  if (argc < 7 || strcmp(argv[1], "send") != 0) return 2;
  to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
  inet_pton(AF_INET, argv[2], &to.sin_addr);
  return send_flow(atoi(argv[4]), atoi(argv[5]), atof(argv[6]), argc > 7 ? argv[7] : "");
}
