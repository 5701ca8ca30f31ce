/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Attributes as netlink writes them. */
#ifndef HOLDFAST_ATTRIBUTE_H
#define HOLDFAST_ATTRIBUTE_H

#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>

/* The first of this type; null where there is none. */
static inline const struct nlattr *find(const void *from, size_t length, unsigned type) {
  const char *at = from, *end = at + length;
  while (at + sizeof(struct nlattr) <= end) {
    const struct nlattr *one = (const void *)at;
    if (one->nla_len < sizeof *one || at + one->nla_len > end) break;
    if ((one->nla_type & NLA_TYPE_MASK) == type) return one;
    at += NLA_ALIGN(one->nla_len);
  }
  return NULL;
}

static inline const struct nlattr *inside(const struct nlattr *outer, unsigned type) {
  return outer ? find(outer + 1, outer->nla_len - sizeof *outer, type) : NULL;
}

/* Whether there is as much in it; then it is in `to`. */
static inline int copy(const struct nlattr *from, void *to, size_t size) {
  if (!from || from->nla_len < sizeof *from + size) return 0;
  memcpy(to, from + 1, size);
  return 1;
}

#endif
