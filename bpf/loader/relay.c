// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The relay's short cut (relay.bpf.c): loads it, and changes and lists the ends of its sessions.
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "object.h"
#include "verbs.h"

#define PREFIX "hf_relay_"
/* What TCP sends at once after a pause gets through; as in the nft table (edge/relay/ruleset.ts). */
static const double burst_s = 0.1, burst_bytes_min = 65536;

EMBED(relay_object, RELAY_OBJECT);

enum { ENDS, ETHERS, SETTINGS, TOTAL, MAPS };
static struct map maps[] = {
    {"ends", BPF_MAP_TYPE_HASH, sizeof(struct hf_relay_key), sizeof(struct hf_relay_end), 1, 0, NULL},
    {"ethers", BPF_MAP_TYPE_LRU_HASH, sizeof(uint32_t), sizeof(uint32_t), HF_ETHERS_MAX, 0, NULL},
    {"settings", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct hf_relay_settings), 1, 0, NULL},
    {"total", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct hf_relay_total), 1, 0, NULL},
};
static const char *const programs[] = {"ether", "raw"};
enum { PROGRAMS = 2 };
static const struct object object = {relay_object, maps, MAPS};

static struct hf_rate rate(const char *text) {
  double bytes_per_second = atof(text);
  if (!(bytes_per_second >= 1)) misuse(text);
  double least_s = burst_bytes_min / bytes_per_second;
  return (struct hf_rate){
      .cost = 1e9 * (1 << HF_COST_SHIFT) / bytes_per_second,
      .burst_ns = 1e9 * (least_s > burst_s ? least_s : burst_s),
  };
}

void relay_probe(char **words) {
  (void)words;
  int fds[MAPS];
  for (int m = 0; m < MAPS; m++) fds[m] = create_map(&maps[m]);
  for (int p = 0; p < PROGRAMS; p++) close(load_program(&object, programs[p], PREFIX, fds));
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
    update(fd, &index, &yes);
  }
  close(door);
}

/* Maps that are there and of this make stay, with what is in them; the programs are always these. */
void relay_load(char **words) {
  const struct hf_relay_settings settings = {rate(words[1]), rate(words[2])};
  const uint32_t first = 0;
  int fds[MAPS];
  maps[ENDS].entries = atoi(words[0]);
  use_pins(PREFIX HF_RELAY_ABI);
  make_pins();
  for (int m = 0; m < MAPS; m++) {
    fds[m] = pinned(maps[m].name);
    if (fds[m] >= 0 && is_like(fds[m], &maps[m])) continue;
    fds[m] = create_map(&maps[m]);
    pin(maps[m].name, fds[m]);
  }
  update(fds[SETTINGS], &first, &settings);
  note_ethers(fds[ETHERS]);
  for (int p = 0; p < PROGRAMS; p++) pin(programs[p], load_program(&object, programs[p], PREFIX, fds));
  puts(pins());
}

void relay_change(char **words) {
  (void)words;
  use_pins(PREFIX HF_RELAY_ABI);
  int fd = open_pinned(maps[ENDS].name), count;
  char line[400], sign, source[64], local[64], to[64], from[64];
  unsigned source_port, session_port, to_port;
  note_ethers(open_pinned(maps[ETHERS].name));
  while (fgets(line, sizeof line, stdin)) {
    count = sscanf(line, "%c %63s %u %63s %u %63s %u %63s", &sign, source, &source_port, local, &session_port, to, &to_port,
                   from);
    if (!(count == 8 && sign == '+') && !(count == 5 && sign == '-')) misuse(line);
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

static void print_end(const void *at, const void *value) {
  const struct hf_relay_key *key = at;
  const struct hf_relay_end *end = value;
  char source[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], from[INET6_ADDRSTRLEN];
  printf("%s %u %s %u %s %u %s %llu %llu %llu\n", text(&key->source, source), ntohs(key->source_port),
         text(&key->local, local), ntohs(key->session_port), text(&end->to, to), ntohs(end->to_port),
         text(&end->from, from), end->packets, end->bytes, end->dropped);
}

/* The caller changes nothing meanwhile: the walk meets every end once. */
void relay_list(char **words) {
  (void)words;
  struct hf_relay_key key;
  struct hf_relay_end end;
  use_pins(PREFIX HF_RELAY_ABI);
  walk(open_pinned(maps[ENDS].name), &key, sizeof key, &end, print_end);
}
