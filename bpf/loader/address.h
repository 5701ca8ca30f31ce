/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Addresses as text, and as the maps have them. */
#ifndef HOLDFAST_ADDRESS_H
#define HOLDFAST_ADDRESS_H

#include <arpa/inet.h>

#include "abi.h"
#include "kernel.h"

static inline int is_ipv4(const struct hf_address *address) {
  return !address->word[0] && !address->word[1] && address->word[2] == htonl(0xffff);
}

static inline struct hf_address address(const char *text) {
  struct hf_address out = {{0, 0, htonl(0xffff), 0}};
  if (inet_pton(AF_INET, text, &out.word[3]) != 1 && inet_pton(AF_INET6, text, &out) != 1) misuse(text);
  return out;
}

static inline const char *text(const struct hf_address *address, char *into) {
  int four = is_ipv4(address);
  return inet_ntop(four ? AF_INET : AF_INET6, four ? &address->word[3] : address->word, into, INET6_ADDRSTRLEN);
}

#endif
