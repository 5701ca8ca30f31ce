/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the programs in the kernel and the one that loads them agree on. A change of any layout raises the version. */
#ifndef HOLDFAST_ABI_H
#define HOLDFAST_ABI_H

#include <linux/types.h>

/* Names the directory of pins: a program of another layout never meets these maps. */
#define HF_RELAY_ABI "2"

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

/*
 * The way out as it was found last, for so many nanoseconds: routes and neighbours are the kernel's, and it is asked again
 * before anybody could tell. Processors read and write it side by side, word by word: the upper 16 bits of each word are the
 * lower ones of `until_ns`, so that words of two ways are never taken for one.
 */
#define HF_WAY_NS 16000000
#define HF_WAY_TAG_SHIFT 48
struct hf_relay_way {
  __u64 until_ns;
  __u64 to;   /* link address of the neighbour, as it stands in the packet */
  __u64 from; /* link address of the device */
  __u64 out;  /* index of the device; above it the longest packet that is known to fit */
  __u64 in;   /* for packets of this device alone; routes may differ by it, */
  __u64 kind; /* and by class and flow label, without what congestion marks */
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
  struct hf_relay_way way;
  __u64 pad5[2];
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

/* Devices whose link header is Ethernet's: what may be sent by a way that is remembered. Others are left to the kernel. */
#define HF_ETHERS_MAX 256

/* Of all sessions together; apart from the settings, which are only read. */
struct hf_relay_total {
  __u64 due_ns;
  __u64 pad[7];
};

_Static_assert(sizeof(struct hf_address) == 16, "hf_address");
_Static_assert(sizeof(struct hf_relay_key) == 36, "hf_relay_key");
_Static_assert(sizeof(struct hf_relay_way) == 48, "hf_relay_way");
_Static_assert(sizeof(struct hf_relay_end) == 192, "hf_relay_end");
_Static_assert(sizeof(struct hf_relay_settings) == 32, "hf_relay_settings");
_Static_assert(sizeof(struct hf_relay_total) == 64, "hf_relay_total");

#endif
