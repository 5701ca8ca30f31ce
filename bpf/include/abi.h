/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the programs in the kernel and the one that loads them agree on. A change of any layout raises the version. */
#ifndef HOLDFAST_ABI_H
#define HOLDFAST_ABI_H

#include <linux/types.h>

/* Names the directory of pins: a program of another layout never meets these maps. */
#define HF_RELAY_ABI "1"

/* IPv4 is ::ffff:a.b.c.d, so that one map serves both families. Network order, as it stands in the packet. */
struct hf_address {
  __be32 word[4];
};

/*
 * Where a packet of a bound end comes from and arrives: all that is compared. Addresses first, so that nothing is padded;
 * hashed bytes that no field covers would make equal keys differ.
 */
struct hf_relay_key {
  struct hf_address source;
  struct hf_address local; /* the relay's own address that this end knows */
  __be16 source_port;
  __be16 session_port;
};

/* Where it goes. What is read comes first, what is written per packet on a cache line of its own. */
struct hf_relay_end {
  struct hf_address to;
  struct hf_address from; /* the relay's own address that the other end knows */
  __be16 to_port;
  __be16 pad;
  __u32 pad2;
  __u64 pad3[3];
  /* Written by the program alone. */
  __u64 packets;
  __u64 bytes;
  __u64 dropped; /* over a limit, packets */
  __u64 due_ns;  /* when what was let pass so far would have passed at exactly the rate (GCRA) */
  __u64 pad4[4];
};

/* A rate as the program counts it: each byte costs `cost` / 2^HF_COST_SHIFT nanoseconds. */
#define HF_COST_SHIFT 16
struct hf_rate {
  __u64 cost;
  __u64 burst_ns;
};

struct hf_relay_settings {
  struct hf_rate session;
  struct hf_rate total;
};

/* Of all sessions together; apart from the settings, which are only read. */
struct hf_relay_total {
  __u64 due_ns;
  __u64 pad[7];
};

_Static_assert(sizeof(struct hf_address) == 16, "hf_address");
_Static_assert(sizeof(struct hf_relay_key) == 36, "hf_relay_key");
_Static_assert(sizeof(struct hf_relay_end) == 128, "hf_relay_end");
_Static_assert(sizeof(struct hf_relay_settings) == 32, "hf_relay_settings");
_Static_assert(sizeof(struct hf_relay_total) == 64, "hf_relay_total");

#endif
