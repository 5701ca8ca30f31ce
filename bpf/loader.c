// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Puts the relay's programs and maps into the kernel, pinned, so that they outlive every process; and changes the maps. One
// static file without libraries: a device needs no compiler, no libbpf and no BTF.
//
//   relay-bpf probe                          exits with 0 if this kernel takes the programs, else says why not
//   relay-bpf load ENDS SESSION TOTAL        rates in bytes per second; prints the directory of the pins
//   relay-bpf change                         reads lines `- SOURCE PORT LOCAL SESSION-PORT` and
//                                            `+ SOURCE PORT LOCAL SESSION-PORT TO PORT FROM`
//   relay-bpf list                           prints lines as of `+`, then packets, bytes, dropped
//
// Exit codes: 1 the kernel refused · 2 misuse · 3 nothing is pinned
#include <arpa/inet.h>
#include <elf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"

enum { REFUSED = 1, MISUSE = 2, ABSENT = 3, PATH_ROOM = 300, INSTRUCTIONS_MAX = 4096, LOG_ROOM = 1 << 18 };
#define BPFFS "/sys/fs/bpf"
#define BPFFS_MAGIC 0xcafe4a11
#define PREFIX "hf_relay_"
/* What TCP sends at once after a pause gets through; as in the nft table (edge/relay/ruleset.ts). */
static const double burst_s = 0.1, burst_bytes_min = 65536;

/* The compiled programs, as they are. */
extern const uint8_t object[] __asm__("object");
__asm__(".pushsection .rodata\n.balign 16\nobject: .incbin \"" OBJECT "\"\n.popsection");

static const struct map {
  const char *name;
  enum bpf_map_type type;
  uint32_t key_size, value_size;
} maps[] = {
    {"ends", BPF_MAP_TYPE_HASH, sizeof(struct hf_relay_key), sizeof(struct hf_relay_end)},
    {"ethers", BPF_MAP_TYPE_LRU_HASH, sizeof(uint32_t), sizeof(uint32_t)},
    {"settings", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct hf_relay_settings)},
    {"total", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct hf_relay_total)},
};
enum { ENDS, ETHERS, SETTINGS, TOTAL, MAPS };
static const char *const programs[] = {"ether", "raw"};
enum { PROGRAMS = 2 };

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(REFUSED);
}

static void misuse(const char *what) {
  fprintf(stderr, "not understood: %s\n", what);
  exit(MISUSE);
}

static int bpf(int command, union bpf_attr *attr) { return syscall(SYS_bpf, command, attr, sizeof *attr); }

/* Network namespaces of one host share the file system of pins, and have relays of their own. */
static unsigned long namespace_inode(void) {
  struct stat net;
  if (stat("/proc/self/ns/net", &net)) fail("/proc/self/ns/net");
  return net.st_ino;
}

static const char *directory(void) {
  static char path[PATH_ROOM];
  if (!*path) snprintf(path, sizeof path, BPFFS "/" PREFIX HF_RELAY_ABI "_%lu", namespace_inode());
  return path;
}

static const char *pin_path(const char *name) {
  static char path[2 * PATH_ROOM];
  snprintf(path, sizeof path, "%s/%s", directory(), name);
  return path;
}

static int pinned(const char *name) {
  union bpf_attr attr = {.pathname = (uintptr_t)pin_path(name)};
  return bpf(BPF_OBJ_GET, &attr);
}

static void pin(const char *name, int fd) {
  const char *path = pin_path(name);
  union bpf_attr attr = {.pathname = (uintptr_t)path, .bpf_fd = fd};
  if (unlink(path) && errno != ENOENT) fail(path);
  if (bpf(BPF_OBJ_PIN, &attr)) fail(path);
}

static int is_like(int fd, const struct map *map, uint32_t entries) {
  struct bpf_map_info info = {0};
  union bpf_attr attr = {.info = {.bpf_fd = fd, .info_len = sizeof info, .info = (uintptr_t)&info}};
  return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && info.type == map->type && info.key_size == map->key_size &&
         info.value_size == map->value_size && info.max_entries == entries;
}

static int create_map(const struct map *map, uint32_t entries) {
  union bpf_attr attr = {
      .map_type = map->type, .key_size = map->key_size, .value_size = map->value_size, .max_entries = entries};
  snprintf(attr.map_name, sizeof attr.map_name, PREFIX "%.5s", map->name);
  int fd = bpf(BPF_MAP_CREATE, &attr);
  if (fd < 0) fail(map->name);
  return fd;
}

static void update(int fd, const void *key, const void *value) {
  union bpf_attr attr = {.map_fd = fd, .key = (uintptr_t)key, .value = (uintptr_t)value};
  if (bpf(BPF_MAP_UPDATE_ELEM, &attr)) fail("a map takes no more");
}

static const Elf64_Shdr *headers(void) { return (const void *)(object + ((const Elf64_Ehdr *)object)->e_shoff); }

static const void *body(int section) { return object + headers()[section].sh_offset; }

static int find_section(uint32_t type, const char *name) {
  const Elf64_Ehdr *elf = (const void *)object;
  const char *names = body(elf->e_shstrndx);
  for (int i = 1; i < elf->e_shnum; i++)
    if (headers()[i].sh_type == type && (!name || strcmp(names + headers()[i].sh_name, name) == 0)) return i;
  misuse("the object");
  return 0;
}

static uint32_t room(int map, uint32_t ends) { return map == ENDS ? ends : map == ETHERS ? HF_ETHERS_MAX : 1; }

/* Where the code names a map, its file descriptor; of one that has a single element, that element. */
static void relocate(struct bpf_insn *code, const char *program, const int *fds) {
  char name[32];
  snprintf(name, sizeof name, ".rel%s", program);
  int at = find_section(SHT_REL, name), table = find_section(SHT_SYMTAB, NULL);
  const Elf64_Rel *relocation = body(at);
  const Elf64_Sym *symbols = body(table);
  const char *words = body(headers()[table].sh_link);
  for (size_t i = 0; i < headers()[at].sh_size / sizeof *relocation; i++) {
    struct bpf_insn *load = &code[relocation[i].r_offset / sizeof *code];
    const char *wanted = words + symbols[ELF64_R_SYM(relocation[i].r_info)].st_name;
    int m = 0;
    while (m < MAPS && strcmp(wanted, maps[m].name) != 0) m++;
    if (m == MAPS) misuse(wanted);
    int is_element = maps[m].type == BPF_MAP_TYPE_ARRAY;
    load[1].imm = is_element ? load->imm : 0;
    load->src_reg = is_element ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
    load->imm = fds[m];
  }
}

/* 5.10 has no coarse clock; the fine one costs a little more. */
static void without_coarse_clock(struct bpf_insn *code, size_t count) {
  for (struct bpf_insn *one = code; one < code + count; one++)
    if (one->code == (BPF_JMP | BPF_CALL) && one->imm == BPF_FUNC_ktime_get_coarse_ns) one->imm = BPF_FUNC_ktime_get_ns;
}

static int load_program(const char *program, const int *fds) {
  static struct bpf_insn code[INSTRUCTIONS_MAX];
  static char log[LOG_ROOM];
  int at = find_section(SHT_PROGBITS, program);
  size_t size = headers()[at].sh_size;
  if (size > sizeof code) misuse(program);
  memcpy(code, body(at), size);
  relocate(code, program, fds);
  union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SCHED_CLS, .insns = (uintptr_t)code, .insn_cnt = size / sizeof *code,
                         .license = (uintptr_t)"GPL"};
  snprintf(attr.prog_name, sizeof attr.prog_name, PREFIX "%.5s", program);
  int fd = bpf(BPF_PROG_LOAD, &attr);
  if (fd >= 0) return fd;
  without_coarse_clock(code, attr.insn_cnt);
  fd = bpf(BPF_PROG_LOAD, &attr);
  if (fd >= 0) return fd;
  int why = errno;
  /* The verifier's last words name the instruction that it did not like. */
  attr.log_level = 1, attr.log_buf = (uintptr_t)log, attr.log_size = sizeof log;
  bpf(BPF_PROG_LOAD, &attr);
  size_t length = strlen(log);
  fputs(log + (length > 300 ? length - 300 : 0), stderr);
  errno = why;
  fail("the kernel does not take the program");
  return -1;
}

static struct hf_rate rate(const char *text) {
  double bytes_per_second = atof(text);
  if (!(bytes_per_second >= 1)) misuse(text);
  double least_s = burst_bytes_min / bytes_per_second;
  return (struct hf_rate){
      .cost = 1e9 * (1 << HF_COST_SHIFT) / bytes_per_second,
      .burst_ns = 1e9 * (least_s > burst_s ? least_s : burst_s),
  };
}

static void probe(void) {
  int fds[MAPS];
  for (int m = 0; m < MAPS; m++) fds[m] = create_map(&maps[m], room(m, 1));
  for (int p = 0; p < PROGRAMS; p++) close(load_program(programs[p], fds));
}

static void mount_pins(void) {
  struct statfs held;
  if (statfs(BPFFS, &held)) fail(BPFFS);
  if ((uint32_t)held.f_type != BPFFS_MAGIC && mount("bpf", BPFFS, "bpf", 0, "mode=0700")) fail(BPFFS);
  if (mkdir(directory(), 0700) && errno != EEXIST) fail(directory());
}

/* Devices come and go: those that are not in it yet are no worse off than before. */
static void note_ethers(int fd) {
  const struct if_nameindex *all = if_nameindex();
  int door = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (!all || door < 0) fail("devices");
  for (const struct if_nameindex *one = all; one->if_index; one++) {
    const uint32_t index = one->if_index, yes = 1;
    struct ifreq asked = {0};
    strncpy(asked.ifr_name, one->if_name, sizeof asked.ifr_name - 1);
    if (ioctl(door, SIOCGIFHWADDR, &asked) || asked.ifr_hwaddr.sa_family != ARPHRD_ETHER) continue;
    union bpf_attr attr = {.map_fd = fd, .key = (uintptr_t)&index, .value = (uintptr_t)&yes};
    if (bpf(BPF_MAP_UPDATE_ELEM, &attr)) fail("a device");
  }
  close(door);
}

/* Maps that are there and of this make stay, with what is in them; the programs are always these. */
static void load(const char *ends, const char *session, const char *total) {
  const struct hf_relay_settings settings = {rate(session), rate(total)};
  const uint32_t first = 0, count = atoi(ends);
  int fds[MAPS];
  mount_pins();
  for (int m = 0; m < MAPS; m++) {
    uint32_t entries = room(m, count);
    fds[m] = pinned(maps[m].name);
    if (fds[m] >= 0 && is_like(fds[m], &maps[m], entries)) continue;
    fds[m] = create_map(&maps[m], entries);
    pin(maps[m].name, fds[m]);
  }
  update(fds[SETTINGS], &first, &settings);
  note_ethers(fds[ETHERS]);
  for (int p = 0; p < PROGRAMS; p++) pin(programs[p], load_program(programs[p], fds));
  puts(directory());
}

static int open_map(int map) {
  int fd = pinned(maps[map].name);
  if (fd >= 0) return fd;
  fprintf(stderr, "%s: %s\n", directory(), strerror(errno));
  exit(errno == ENOENT ? ABSENT : REFUSED);
}

static struct hf_address address(const char *text) {
  struct hf_address out = {{0, 0, htonl(0xffff), 0}};
  if (inet_pton(AF_INET, text, &out.word[3]) != 1 && inet_pton(AF_INET6, text, &out) != 1) misuse(text);
  return out;
}

static void change(void) {
  int fd = open_map(ENDS), words;
  char line[400], sign, source[64], local[64], to[64], from[64];
  unsigned source_port, session_port, to_port;
  note_ethers(open_map(ETHERS));
  while (fgets(line, sizeof line, stdin)) {
    words = sscanf(line, "%c %63s %u %63s %u %63s %u %63s", &sign, source, &source_port, local, &session_port, to, &to_port,
                   from);
    if (!(words == 8 && sign == '+') && !(words == 5 && sign == '-')) misuse(line);
    struct hf_relay_key key = {address(source), address(local), htons(source_port), htons(session_port)};
    if (sign == '+') {
      struct hf_relay_end end = {.to = address(to), .from = address(from), .to_port = htons(to_port)};
      update(fd, &key, &end);
      continue;
    }
    union bpf_attr attr = {.map_fd = fd, .key = (uintptr_t)&key};
    if (bpf(BPF_MAP_DELETE_ELEM, &attr) && errno != ENOENT) fail("delete");
  }
}

static const char *text(const struct hf_address *address, char *into) {
  int four = !address->word[0] && !address->word[1] && address->word[2] == htonl(0xffff);
  return inet_ntop(four ? AF_INET : AF_INET6, four ? &address->word[3] : address->word, into, INET6_ADDRSTRLEN);
}

static void print_end(const struct hf_relay_key *key, const struct hf_relay_end *end) {
  char source[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], from[INET6_ADDRSTRLEN];
  printf("%s %u %s %u %s %u %s %llu %llu %llu\n", text(&key->source, source), ntohs(key->source_port),
         text(&key->local, local), ntohs(key->session_port), text(&end->to, to), ntohs(end->to_port),
         text(&end->from, from), end->packets, end->bytes, end->dropped);
}

/* The caller changes nothing meanwhile: the walk meets every end once, as many as the map has room for. */
static void list(void) {
  struct hf_relay_key key, next;
  struct hf_relay_end end;
  int fd = open_map(ENDS);
  const void *after = NULL;
  union bpf_attr walk = {0}, look;
  for (;;) {
    walk = (union bpf_attr){.map_fd = fd, .key = (uintptr_t)after, .next_key = (uintptr_t)&next};
    if (bpf(BPF_MAP_GET_NEXT_KEY, &walk)) return;
    look = (union bpf_attr){.map_fd = fd, .key = (uintptr_t)&next, .value = (uintptr_t)&end};
    if (bpf(BPF_MAP_LOOKUP_ELEM, &look) == 0) print_end(&next, &end);
    key = next;
    after = &key;
  }
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  if (argc == 5 && strcmp(verb, "load") == 0) load(argv[2], argv[3], argv[4]);
  else if (argc == 2 && strcmp(verb, "probe") == 0) probe();
  else if (argc == 2 && strcmp(verb, "change") == 0) change();
  else if (argc == 2 && strcmp(verb, "list") == 0) list();
  else misuse(verb);
  return fflush(stdout) ? REFUSED : 0;
}
