// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The relay's short cut (relay.bpf.c): loads it, and changes and lists the ends of its sessions.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "object.h"
#include "relay-maps.h"
#include "verbs.h"

/* What TCP sends at once after a pause gets through; as in the nft table (edge/relay/ruleset.ts). */
static const double burst_s = 0.1, burst_bytes_min = 65536;

EMBED(relay_object, RELAY_OBJECT);

struct map relay_maps[] = {
    {"ends", BPF_MAP_TYPE_HASH, sizeof(struct hf_relay_key), sizeof(struct hf_relay_end), 1, 0, NULL},
    {"ethers", BPF_MAP_TYPE_LRU_HASH, sizeof(uint32_t), sizeof(uint32_t), HF_ETHERS_MAX, 0, NULL},
    {"settings", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct hf_relay_settings), 1, 0, NULL},
    {"total", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct hf_relay_total), 1, 0, NULL},
};
static const char *const programs[] = {"ether", "raw"};
enum { PROGRAMS = 2 };
static const struct object object = {relay_object, relay_maps, RELAY_MAPS};

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
  int fds[RELAY_MAPS];
  for (int m = 0; m < RELAY_MAPS; m++) fds[m] = create_map(&relay_maps[m]);
  for (int p = 0; p < PROGRAMS; p++) close(load_program(&object, programs[p], RELAY_PREFIX, fds));
}

/* Maps that are there and of this make stay, with what is in them; the programs are always these. */
void relay_load(char **words) {
  const struct hf_relay_settings settings = {rate(words[1]), rate(words[2])};
  const uint32_t first = 0;
  int fds[RELAY_MAPS];
  relay_maps[RELAY_ENDS].entries = atoi(words[0]);
  use_pins(RELAY_PREFIX HF_RELAY_ABI);
  make_pins();
  for (int m = 0; m < RELAY_MAPS; m++) {
    fds[m] = pinned(relay_maps[m].name);
    if (fds[m] >= 0 && is_like(fds[m], &relay_maps[m])) continue;
    fds[m] = create_map(&relay_maps[m]);
    pin(relay_maps[m].name, fds[m]);
  }
  update(fds[RELAY_SETTINGS], &first, &settings);
  note_ethers(fds[RELAY_ETHERS], 0);
  for (int p = 0; p < PROGRAMS; p++) pin(programs[p], load_program(&object, programs[p], RELAY_PREFIX, fds));
  /* What hangs at XDP goes on, until `relay hang` puts fresh ones in its place. */
  unlink(pin_path("xdp"));
  puts(pins());
}

void relay_change(char **words) {
  (void)words;
  use_pins(RELAY_PREFIX HF_RELAY_ABI);
  int fd = open_pinned(relay_maps[RELAY_ENDS].name), count;
  char line[400], sign, source[64], local[64], to[64], from[64];
  unsigned source_port, session_port, to_port;
  note_ethers(open_pinned(relay_maps[RELAY_ETHERS].name), 0);
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
  use_pins(RELAY_PREFIX HF_RELAY_ABI);
  walk(open_pinned(relay_maps[RELAY_ENDS].name), &key, sizeof key, &end, print_end);
}
