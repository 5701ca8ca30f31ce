// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Ends what the kernel's table of connections says of UDP to backends that are gone: as long as somebody goes on sending from the
// same port it would never forget by itself whom they were led to.
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "connections.h"
#include "verbs.h"

/* As many as a table of services leads to in all; and connections that are ended at once, the rest the next time. */
enum { PAIRS_MAX = 4096, ENDED_MAX = 8192 };

static struct pair {
  struct hf_address virtual, backend;
} pairs[PAIRS_MAX];
static struct tuple ended[ENDED_MAX];
static unsigned pair_count, ended_count;

static int is_same(const struct hf_address *a, const struct hf_address *b) { return !memcmp(a, b, sizeof *a); }

static void look(const struct tuple *opener, const struct tuple *answer) {
  if (opener->protocol != IPPROTO_UDP || ended_count == ENDED_MAX) return;
  for (unsigned i = 0; i < pair_count; i++) {
    if (!is_same(&opener->destination, &pairs[i].virtual) || !is_same(&answer->source, &pairs[i].backend)) continue;
    ended[ended_count++] = *opener;
    return;
  }
}

void connections_end(char **words) {
  (void)words;
  char line[160], virtual[64], backend[64];
  while (pair_count < PAIRS_MAX && fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "%63s %63s", virtual, backend) != 2) misuse(line);
    pairs[pair_count++] = (struct pair){address(virtual), address(backend)};
  }
  if (pair_count) each_connection(look);
  for (unsigned i = 0; i < ended_count; i++) forget(&ended[i]);
  printf("%u\n", ended_count);
}
