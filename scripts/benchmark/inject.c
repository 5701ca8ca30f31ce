// What forwarding costs, with no sender beside it: frames go into a device as if they had arrived there, a driver's batch at
// a time on one core, and the time between batches is all that the kernel did with them, from the device to where the other
// end drops them. Prints nanoseconds a packet.
//
//   inject DEVICE SOURCE PORT ADDRESS PORT BYTES [LINK-ADDRESS]      IPv4 and UDP, with sums; asks for Linux 5.18
//       With a link address they leave by the device, and arrive at the other end of its pair, as frames: what programs at XDP
//       get from a fast driver. What comes from a socket is copied there first, and has no sums yet.
//   inject gro DEVICE on|off      whether the device of a pair takes frames from its other end
//
// What other programs take from the core, they take in slices. Windows of a few batches lie between them, and the quickest
// fiftieth of the windows says what a packet costs.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CORE = 1, BATCH = 64, WINDOW = 4 * BATCH, FRAMES = 65536, WARM_UP = 4 * WINDOW, ROOM = 1600, CODE_MAX = 64 };

static struct frame {
  struct ethhdr ether;
  struct iphdr ip;
  struct udphdr udp;
  uint8_t payload[ROOM];
} __attribute__((packed, aligned(4))) frame;
/* Written anew for each packet: frames are used again, and were forwarded meanwhile. */
enum { HEAD = 44, HEADERS = offsetof(struct frame, payload) };

/* Shared with the program. */
struct times {
  uint64_t count;
  uint64_t at_ns[FRAMES];
};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int bpf(int command, union bpf_attr *attr) {
  int result = syscall(SYS_bpf, command, attr, sizeof *attr);
  if (result < 0) fail("bpf");
  return result;
}

static uint32_t add(uint32_t sum, const void *from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 2) sum += *(const uint16_t *)((const uint8_t *)from + at);
  return (sum & 0xffff) + (sum >> 16);
}

static uint16_t folded(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return ~((sum & 0xffff) + (sum >> 16));
}

static struct ifreq ask(const char *device, unsigned long what, void *with) {
  struct ifreq asked = {.ifr_data = with};
  strncpy(asked.ifr_name, device, sizeof asked.ifr_name - 1);
  if (ioctl(socket(AF_INET, SOCK_DGRAM, 0), what, &asked)) fail(device);
  return asked;
}

static void write_frame(const char *device, const struct ether_addr *to, char **words, int bytes) {
  const struct ifreq own = ask(device, SIOCGIFHWADDR, NULL);
  memcpy(frame.ether.h_dest, to ? (const void *)to : own.ifr_hwaddr.sa_data, ETH_ALEN);
  frame.ether.h_source[0] = 2;
  frame.ether.h_proto = htons(ETH_P_IP);
  uint16_t length = htons(sizeof frame.udp + bytes);
  frame.ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .frag_off = htons(IP_DF)};
  frame.ip.tot_len = htons(sizeof frame.ip + sizeof frame.udp + bytes);
  frame.ip.saddr = inet_addr(words[0]);
  frame.ip.daddr = inet_addr(words[2]);
  frame.ip.check = folded(add(0, (uint8_t *)&frame + sizeof frame.ether, sizeof frame.ip));
  frame.udp = (struct udphdr){.source = htons(atoi(words[1])), .dest = htons(atoi(words[3])), .len = length};
  uint32_t pseudo = add(htons(IPPROTO_UDP) + length, (uint8_t *)&frame + sizeof frame.ether + 12, 8);
  /* The payload is zero. */
  frame.udp.check = folded(add(pseudo, (uint8_t *)&frame + HEADERS - sizeof frame.udp, sizeof frame.udp));
}

/* Notes the time, writes the head of the packet, and lets it in, or out. */
static int load_program(int times, int verdict) {
  static struct bpf_insn code[CODE_MAX];
  int k = 0;
#define DO(op, ...) code[k++] = (struct bpf_insn){.code = op, __VA_ARGS__}
  DO(BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1);
  DO(BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns);
  DO(BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = times);
  DO(0);
  DO(BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 2, .src_reg = 1);
  DO(BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 3, .src_reg = 2);
  DO(BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = 1);
  DO(BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 1, .src_reg = 2);
  DO(BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = 3, .imm = FRAMES - 1);
  DO(BPF_ALU64 | BPF_LSH | BPF_K, .dst_reg = 3, .imm = 3);
  DO(BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 1, .src_reg = 3);
  DO(BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 1, .src_reg = 0, .off = sizeof(uint64_t));
  DO(BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 6, .off = offsetof(struct xdp_md, data));
  DO(BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 3, .src_reg = 6, .off = offsetof(struct xdp_md, data_end));
  DO(BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 4, .src_reg = 2);
  DO(BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 4, .imm = HEAD);
  DO(BPF_JMP | BPF_JGT | BPF_X, .dst_reg = 4, .src_reg = 3, .off = HEAD / sizeof(int32_t));
  for (size_t at = 0; at < HEAD; at += sizeof(int32_t))
    DO(BPF_ST | BPF_MEM | BPF_W, .dst_reg = 2, .off = at, .imm = *(int32_t *)((uint8_t *)&frame + at));
  DO(BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = verdict);
  DO(BPF_JMP | BPF_EXIT, .imm = 0);
  return bpf(BPF_PROG_LOAD, &(union bpf_attr){.prog_type = BPF_PROG_TYPE_XDP, .insns = (uintptr_t)code, .insn_cnt = k,
                                              .license = (uintptr_t)"GPL"});
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  static double windows[FRAMES / WINDOW];
  if (argc == 4 && strcmp(argv[1], "gro") == 0) {
    ask(argv[2], SIOCETHTOOL, &(struct ethtool_value){.cmd = ETHTOOL_SGRO, .data = strcmp(argv[3], "on") == 0});
    return 0;
  }
  int bytes = argc == 7 || argc == 8 ? atoi(argv[6]) : 0, count = 0;
  const struct ether_addr *to = argc == 8 ? ether_aton(argv[7]) : NULL;
  cpu_set_t cores;
  if (bytes < 2 || bytes > ROOM || (argc == 8 && !to)) return 2;
  CPU_ZERO(&cores);
  CPU_SET(CORE, &cores);
  if (sched_setaffinity(0, sizeof cores, &cores)) fail("core");
  write_frame(argv[1], to, argv + 2, bytes);
  int map = bpf(BPF_MAP_CREATE, &(union bpf_attr){.map_type = BPF_MAP_TYPE_ARRAY, .key_size = sizeof(int), .max_entries = 1,
                                                  .value_size = sizeof(struct times), .map_flags = BPF_F_MMAPABLE});
  struct times *times = mmap(NULL, sizeof *times, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
  if (times == MAP_FAILED) fail("mmap");
  struct xdp_md arriving = {.data_end = HEADERS + bytes, .ingress_ifindex = if_nametoindex(argv[1])};
  union bpf_attr run = {.test = {.prog_fd = load_program(map, to ? XDP_TX : XDP_PASS), .data_in = (uintptr_t)&frame, .data_size_in = HEADERS + bytes,
                                 .ctx_in = (uintptr_t)&arriving, .ctx_size_in = sizeof arriving, .repeat = FRAMES,
                                 .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH}};
  bpf(BPF_PROG_TEST_RUN, &run);
  for (int at = WARM_UP; at + WINDOW < FRAMES; at += WINDOW)
    windows[count++] = (double)(times->at_ns[at + WINDOW] - times->at_ns[at]) / WINDOW;
  qsort(windows, count, sizeof *windows, ascending);
  printf("%.0f\n", windows[count / 50]);
  return 0;
}
