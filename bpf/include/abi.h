/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the programs in the kernel and the one that loads them agree on. A change of any layout raises the version. */
#ifndef HOLDFAST_ABI_H
#define HOLDFAST_ABI_H

#include <linux/types.h>

/* Names the directory of pins: a program of another layout never meets these maps. */
#define HF_RELAY_ABI "3"

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
  __u64 here; /* link address that they came to; 0 where `out` takes no frames from XDP */
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
  __u64 pad5;
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
#define HF_ETHER 1u
/* Its driver sends what XDP redirects to it. */
#define HF_TAKES_FRAMES 2u
/* It did not, though it was said to; no frames for it until the programs are hung up anew. */
#define HF_REFUSED 4u

/* Of all sessions together; apart from the settings, which are only read. */
struct hf_relay_total {
  __u64 due_ns;
  __u64 refused_ns; /* when a device last refused a frame: XDP goes by no way that was remembered before */
  __u64 pad[6];
};

/*
 * Policy. Names the directory of its pins, as above.
 */
#define HF_POLICY_ABI "1"

/* What a packet does at the mesh interface, seen from this node. */
#define HF_INGRESS 0
#define HF_EGRESS 1

/* Of one table: twice what 10,000 rules about 1,000 nodes come to. Some 150 B of kernel memory for each that is there. */
#define HF_TABLE_MAX 262144

/*
 * The table is one trie, so that one pointer is the whole of it: a packet is decided by the old table or by the new one.
 * `kind` comes first and keeps apart three tables in one:
 *   HF_ADDRESS, HF_LOCAL  the address, whose leading bits may be all that counts
 *   HF_ENTRY              who judges, who the other is, direction, protocol, and of the port as many bits as count
 */
#define HF_ADDRESS 1
#define HF_LOCAL 2
#define HF_ENTRY 3
struct hf_table_key {
  __u32 bits; /* of all that follows, that count */
  __u8 kind;
  __u8 direction;
  __u8 protocol; /* IANA's number; 0 is what all others share, ICMP stands for ICMPv6 */
  __u8 family;   /* of an address, 4 or 6: ::/0 does not mean IPv4 */
  union {
    struct hf_address address;
    struct {
      __u32 local;
      __u32 identity; /* 0: whoever is not known, and whatever all others share */
      __be16 port;
      __u8 pad[6];
    } of;
  } at;
};
#define HF_KIND_BITS 32
#define HF_ADDRESS_BITS 160
#define HF_PORT_BITS 112 /* with all 16 of the port */

/* Flags of an address: a node's own, not that of a pod or subnet behind it; one that is masqueraded opens nothing itself. */
#define HF_NODE 1
#define HF_MASKED 2
struct hf_table_value {
  __u32 number; /* of an identity or of a class of local addresses; of an entry the index of its rule */
  __u32 audited; /* of an entry: index of the rule that would decide if policies in Audit mode were enforced, else 0 */
  __u8 flags;
  __u8 accept;
  __u8 pad[2];
};

/*
 * One counter for each rule, by its index; the cookie says which rule that is, across tables. Those below HF_RULES_FIRST are
 * no rules of policy: why a packet was dropped, or passed, that no rule speaks of. What rules counted that are gone is in the
 * first of all.
 */
#define HF_RULES_MAX 32768
#define HF_RULES_FIRST 16
#define HF_REASONS(each) \
  each(1, CLOSED, closed)         /* there is no table yet */ \
  each(2, FOREIGN, foreign)       /* neither IPv4 nor IPv6 */ \
  each(3, TRUNCATED, truncated)   /* shorter than its headers say, or than they have to be */ \
  each(4, HEADERS, headers)       /* more extension headers than are walked, or a route to elsewhere in them */ \
  each(5, FRAGMENT, fragment)     /* of a packet whose beginning did not pass, or did not come first */ \
  each(6, NOBODY, nobody)         /* at this end there is neither this node nor what is behind it */ \
  each(7, UNASKED, unasked)       /* an answer to nothing, an error about nothing */ \
  each(8, UNDECIDED, undecided)   /* the table has no entry for it: a table that is not whole */ \
  each(9, CONTROL, control)       /* passes: errors of what may pass, neighbours */ \
  each(10, AGENT, agent)          /* passes: words of agents among themselves */ \
  each(11, UNTRACKED, untracked)  /* passed, but there was no room to remember it by */
#define HF_REASON(number, NAME, name) HF_##NAME = number,
enum hf_reason { HF_REASONS(HF_REASON) };
#undef HF_REASON

struct hf_rule {
  __u32 cookie;
  __u32 generation; /* the last that had it; the program does not care */
  __u64 packets;
  __u64 bytes;
  __u64 audited; /* decisions that it would have made otherwise; not packets */
};

/* A flow by this node's end and the other, whoever opened it. ICMP's identifier is the port of who asked. */
struct hf_flow_key {
  struct hf_address local;
  struct hf_address other;
  __be16 local_port;
  __be16 other_port;
  __u8 protocol;
  __u8 pad[3];
};

/* Flags of a flow of TCP. */
#define HF_FIN_OPENER 1
#define HF_FIN_ANSWER 2
#define HF_RESET 4
struct hf_flow {
  __u64 decided; /* generation << 32 | index of the rule; one word, so that no other processor reads half of it */
  __u64 last_ns;
  __u64 packets[2]; /* of the opener, of the answer */
  __u64 bytes[2];
  __u8 direction; /* of what the opener sends */
  __u8 flags;
  __u8 pad[6];
  __u64 pad2;
};

/* What was dropped, by who would have opened a flow, and where to: no flow remembers it. */
struct hf_denied_key {
  struct hf_address source;
  struct hf_address destination;
  __u32 rule;
  __be16 port;
  __u8 protocol;
  __u8 direction;
};

struct hf_denied {
  __u64 packets;
  __u64 bytes;
};
#define HF_DENIED_MAX 4096

/* A packet that comes in fragments, by what all of them have. */
struct hf_fragment_key {
  struct hf_address source;
  struct hf_address destination;
  __u32 id;
  __u8 protocol; /* IPv4's alone: it tells packets apart by it, IPv6 does not */
  __u8 direction;
  __u8 pad[2];
};

struct hf_fragment {
  __u64 until_ns;
  __u32 rule;
  __be16 local_port;
  __be16 other_port;
  __u8 protocol;
  __u8 pad[7];
};
#define HF_FRAGMENTS_MAX 4096

struct hf_policy_settings {
  __u32 generation;
  __be16 mesh_port;
  __u16 looks_on; /* remembers flows, and drops nothing: somebody else does, and hands over */
};

_Static_assert(sizeof(struct hf_address) == 16, "hf_address");
_Static_assert(sizeof(struct hf_relay_key) == 36, "hf_relay_key");
_Static_assert(sizeof(struct hf_relay_way) == 56, "hf_relay_way");
_Static_assert(sizeof(struct hf_relay_end) == 192, "hf_relay_end");
_Static_assert(sizeof(struct hf_relay_settings) == 32, "hf_relay_settings");
_Static_assert(sizeof(struct hf_relay_total) == 64, "hf_relay_total");
_Static_assert(sizeof(struct hf_table_key) == 24, "hf_table_key");
_Static_assert(sizeof(struct hf_table_value) == 12, "hf_table_value");
_Static_assert(sizeof(struct hf_rule) == 32, "hf_rule");
_Static_assert(sizeof(struct hf_flow_key) == 40, "hf_flow_key");
_Static_assert(sizeof(struct hf_flow) == 64, "hf_flow");
_Static_assert(sizeof(struct hf_denied_key) == 40, "hf_denied_key");
_Static_assert(sizeof(struct hf_denied) == 16, "hf_denied");
_Static_assert(sizeof(struct hf_fragment_key) == 40, "hf_fragment_key");
_Static_assert(sizeof(struct hf_fragment) == 24, "hf_fragment");
_Static_assert(sizeof(struct hf_policy_settings) == 8, "hf_policy_settings");

#endif
