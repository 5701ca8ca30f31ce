// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// A table of policy into the kernel. It is made whole beside the former, and takes its place in one step; whatever keeps it from
// being whole leaves the former where it is. Lines, in any order:
//
//   p PORT                                            of agents among themselves, inside the mesh
//   l CIDR CLASS node|behind|masked                   addresses of this node, and of what is behind it
//   a CIDR IDENTITY node|behind                       addresses of all whom policy knows
//   e CLASS IDENTITY in|out PROTOCOL PORT/BITS accept|drop COOKIE AUDIT-COOKIE
//                                                     who decides; 0 where policies in Audit mode would change nothing
//   .                                                 the end
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "policy.h"
#include "verbs.h"

enum { LINE_ROOM = 200, WORD_ROOM = 64, SLOTS = 4 * HF_RULES_MAX };

static struct hf_rule *rules;
static uint32_t generation;
/* Index of the rule of each cookie, by open addressing; cookies are hashes already. */
static uint16_t index_by_cookie[SLOTS];

static uint16_t *slot_of(uint32_t cookie) {
  uint32_t at = cookie % SLOTS;
  while (index_by_cookie[at] && rules[index_by_cookie[at]].cookie != cookie) at = (at + 1) % SLOTS;
  return &index_by_cookie[at];
}

static void read_rules(void) {
  for (int r = HF_RULES_FIRST; r < HF_RULES_MAX; r++)
    /* Those that only a table before the former had give their place away. */
    if (rules[r].generation < generation) {
      /* All that was ever counted is still the sum of all. */
      rules[0].packets += rules[r].packets;
      rules[0].bytes += rules[r].bytes;
      rules[r] = (struct hf_rule){0};
    } else if (rules[r].cookie) *slot_of(rules[r].cookie) = r;
}

/* What stays keeps its index and goes on counting; what comes takes one that neither this table nor the former has. */
static uint32_t rule_of(uint32_t cookie) {
  static uint32_t free = HF_RULES_FIRST;
  if (!cookie) return 0;
  uint16_t *slot = slot_of(cookie);
  if (!*slot) {
    while (free < HF_RULES_MAX && rules[free].cookie) free++;
    if (free == HF_RULES_MAX) {
      fputs("more rules than can be counted\n", stderr);
      exit(REFUSED);
    }
    rules[free].cookie = cookie;
    *slot = free;
  }
  rules[*slot].generation = generation + 1;
  return *slot;
}

/* Bits of an address that count, as of IPv6: a block of IPv4 is one of ::ffff:0:0/96. */
static void read_block(char *block, struct hf_table_key *key) {
  char *slash = strchr(block, '/');
  if (!slash) misuse(block);
  *slash = 0;
  key->at.address = address(block);
  key->family = strchr(block, ':') ? 6 : 4;
  key->bits = HF_KIND_BITS + atoi(slash + 1) + (key->family == 4 ? 96 : 0);
  if (key->bits > HF_ADDRESS_BITS) misuse(block);
}

static int read_address(const char *line, struct hf_table_key *key, struct hf_table_value *value) {
  char block[WORD_ROOM], whose[WORD_ROOM];
  if (sscanf(line, "%*c %63s %u %63s", block, &value->number, whose) != 3) return 0;
  key->kind = *line == 'l' ? HF_LOCAL : HF_ADDRESS;
  value->flags = strcmp(whose, "node") == 0 ? HF_NODE : strcmp(whose, "masked") == 0 ? HF_MASKED : 0;
  read_block(block, key);
  return value->flags || strcmp(whose, "behind") == 0;
}

static int read_entry(const char *line, struct hf_table_key *key, struct hf_table_value *value) {
  char direction[WORD_ROOM], verdict[WORD_ROOM];
  unsigned local, identity, protocol, port, bits, cookie, audit;
  if (sscanf(line, "e %u %u %63s %u %u/%u %63s %u %u", &local, &identity, direction, &protocol, &port, &bits, verdict,
             &cookie, &audit) != 9)
    return 0;
  int comes = strcmp(direction, "in") == 0, accepts = strcmp(verdict, "accept") == 0;
  if (protocol > 255 || port > 65535 || bits > 16 || (!comes && strcmp(direction, "out") != 0) ||
      (!accepts && strcmp(verdict, "drop") != 0))
    return 0;
  *key = (struct hf_table_key){
      .bits = HF_PORT_BITS - 16 + bits,
      .kind = HF_ENTRY,
      .direction = comes ? HF_INGRESS : HF_EGRESS,
      .protocol = protocol,
      .at.of = {.local = local, .identity = identity, .port = htons(port)},
  };
  *value = (struct hf_table_value){.number = rule_of(cookie), .audited = rule_of(audit), .accept = accepts};
  return 1;
}

void policy_table(char **words) {
  (void)words;
  char line[LINE_ROOM];
  unsigned mesh_port = 0, entries = 0;
  int is_whole = 0;
  use_pins(POLICY_PINS);
  struct hf_policy_settings *settings = settings_memory();
  rules = rules_memory();
  generation = settings->generation;
  read_rules();
  int next = create_map(policy_maps[TABLES].inner);
  while (!is_whole && fgets(line, sizeof line, stdin)) {
    struct hf_table_key key = {0};
    struct hf_table_value value = {0};
    is_whole = strcmp(line, ".\n") == 0;
    if (is_whole || sscanf(line, "p %u", &mesh_port) == 1) continue;
    if (!(*line == 'e' ? read_entry(line, &key, &value) : (*line == 'l' || *line == 'a') && read_address(line, &key, &value)))
      misuse(line);
    update(next, &key, &value);
    entries++;
  }
  if (!is_whole || !mesh_port) misuse("a table that is not whole");
  const uint32_t first = 0;
  settings->mesh_port = htons(mesh_port);
  /* Returns when no program looks into the former any more (Linux 4.20). Only then may flows be judged anew, by this one. */
  update(open_pinned("tables"), &first, &next);
  pin("table", next);
  __atomic_store_n(&settings->generation, generation + 1, __ATOMIC_SEQ_CST);
  printf("%u %u\n", generation + 1, entries);
}
