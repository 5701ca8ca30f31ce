/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the relay's programs have in common, at tc and at XDP: which packets are for them, what an end may send, by which way, and how
   a packet is turned from one end to the other. */
#ifndef HOLDFAST_RELAY_H
#define HOLDFAST_RELAY_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "abi.h"
#include "helpers.h"

#define FRAGMENT_BITS 0x3fff
#define CONGESTION 3u /* of the traffic class, what no route hangs on */
#define FRAME_MAGIC 0xf0687201 /* first word of what is said to a relay (edge/relay/frames.ts) */
#define big16(x) __builtin_bswap16(x)
#define big32(x) __builtin_bswap32(x)

/* The loader makes the maps by these names (bpf/loader/relay.c). */
struct map {
  __u32 unused;
};
struct map ends SEC("maps");
struct map ethers SEC("maps");
/* Of one element, which code reads without looking it up. */
struct hf_relay_settings settings SEC("maps");
struct hf_relay_total total SEC("maps");

/* Both families, up to the first word of what is carried. */
struct head4 {
  struct iphdr ip;
  struct udphdr udp;
  __be32 word;
};
struct head6 {
  struct ipv6hdr ip;
  struct udphdr udp;
  __be32 word;
};

/* Where a packet came in, what routes hang on, and how long it is for the way out. */
struct asked {
  __u32 in;
  __u32 kind;
  __u32 length;
};

/* No options, no fragment, another hop to go, no word to the relay. */
INLINE int is_plain4(const struct head4 *head) {
  return head->ip.version == 4 && head->ip.ihl == 5 && head->ip.protocol == IPPROTO_UDP && head->ip.ttl > 1 &&
         !(head->ip.frag_off & big16(FRAGMENT_BITS)) && head->word != big32(FRAME_MAGIC);
}

/* An extension header, a fragment's too, stands where UDP would. Without a sum IPv6 has no datagram. */
INLINE int is_plain6(const struct head6 *head) {
  return head->ip.version == 6 && head->ip.nexthdr == IPPROTO_UDP && head->ip.hop_limit > 1 && head->udp.check &&
         head->word != big32(FRAME_MAGIC);
}

INLINE struct hf_relay_key key4(const struct head4 *head) {
  return (struct hf_relay_key){
      .source = {{0, 0, big32(0xffff), head->ip.saddr}},
      .local = {{0, 0, big32(0xffff), head->ip.daddr}},
      .source_port = head->udp.source,
      .session_port = head->udp.dest,
  };
}

INLINE struct hf_relay_key key6(const struct head6 *head) {
  struct hf_relay_key key = {.source_port = head->udp.source, .session_port = head->udp.dest};
  __builtin_memcpy(&key.source, &head->ip.saddr, sizeof key.source);
  __builtin_memcpy(&key.local, &head->ip.daddr, sizeof key.local);
  return key;
}

INLINE __u32 kind4(const struct head4 *head) { return head->ip.tos & ~CONGESTION; }
INLINE __be32 flowinfo6(const struct head6 *head) { return *(__be32 *)&head->ip & big32(0x0fffffff); }
INLINE __u32 kind6(const struct head6 *head) { return big32(flowinfo6(head)) & ~(CONGESTION << 20); }

/*
 * Whether so many bytes may pass now (GCRA). Processors that meet here may let a packet too many pass, never more than one
 * each: the sum is atomic, and only what is compared may be old.
 */
INLINE int conforms(__u64 *due, const struct hf_rate *rate, __u64 now, __u64 bytes) {
  __u64 at = *(volatile __u64 *)due;
  if (at < now) *(volatile __u64 *)due = at = now;
  if (at - now > rate->burst_ns) return 0;
  __sync_fetch_and_add(due, (bytes * rate->cost) >> HF_COST_SHIFT);
  return 1;
}

/* Of this end, then of all; counts what passes. `packets`: that travel as one. */
INLINE int may_pass(struct hf_relay_end *end, __u64 now, __u64 packets, __u64 bytes) {
  if (!conforms(&end->due_ns, &settings.session, now, bytes) || !conforms(&total.due_ns, &settings.total, now, bytes)) {
    __sync_fetch_and_add(&end->dropped, packets);
    return 0;
  }
  __sync_fetch_and_add(&end->packets, packets);
  __sync_fetch_and_add(&end->bytes, bytes);
  return 1;
}

/* Three halves of a link address, which stands at even places. */
INLINE __u64 read_link(const void *at) {
  const __u16 *half = at;
  return half[0] | (__u64)half[1] << 16 | (__u64)half[2] << 32;
}

/* The type stays, for the family does. */
INLINE void write_ether(void *at, const struct hf_relay_way *way) {
  __u16 *half = at;
  half[0] = way->to;
  half[1] = way->to >> 16;
  half[2] = way->to >> 32;
  half[3] = way->from;
  half[4] = way->from >> 16;
  half[5] = way->from >> 32;
}

/* Whether the end's packets of this kind and length have a way that still holds; then it is in `out`. */
INLINE int recall(const struct hf_relay_end *end, __u64 now, const struct asked *asked, struct hf_relay_way *out) {
  const volatile struct hf_relay_way *way = &end->way;
  __u64 until = way->until_ns, to = way->to, from = way->from, device = way->out, in = way->in, of = way->kind;
  if (until <= now) return 0;
  __u64 tag = until << HF_WAY_TAG_SHIFT;
  if (((to ^ tag) | (from ^ tag) | (device ^ tag)) >> HF_WAY_TAG_SHIFT) return 0;
  if (in != (tag | asked->in) || of != (tag | asked->kind) || asked->length > (__u16)(device >> 32)) return 0;
  out->until_ns = until;
  out->to = to;
  out->from = from;
  out->out = device;
  return 1;
}

INLINE __u64 folded(__u64 sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

/* All but the sum of UDP; returns what that changes by for the addresses (RFC 1624). */
INLINE __u64 turn4(struct head4 *head, const struct hf_relay_end *end, __be16 session_port) {
  __be32 from = end->from.word[3], to = end->to.word[3];
  __u64 addresses = folded((__u64)(__u32)~head->ip.saddr + (__u32)~head->ip.daddr + from + to);
  /* One off the upper half of the word that holds the time to live. */
  head->ip.check = ~folded((__u16)~head->ip.check + addresses + (__u16)~big16(0x100));
  head->ip.ttl -= 1;
  head->ip.saddr = from;
  head->ip.daddr = to;
  head->udp.source = session_port;
  head->udp.dest = end->to_port;
  return addresses;
}

INLINE __u64 turn6(struct head6 *head, const struct hf_relay_end *end, const struct hf_relay_key *key) {
  struct hf_address is[2] = {end->from, end->to};
  __u64 addresses = (__u32)csum_diff(&key->source, 2 * sizeof *is, is, sizeof is, 0);
  head->ip.hop_limit -= 1;
  __builtin_memcpy(&head->ip.saddr, &is[0], sizeof *is);
  __builtin_memcpy(&head->ip.daddr, &is[1], sizeof *is);
  head->udp.source = key->session_port;
  head->udp.dest = end->to_port;
  return addresses;
}

/* What the sum of UDP changes by for the ports: the session port stays, from the second to the first. */
INLINE __u64 turned_ports(const struct hf_relay_key *key, __be16 to_port) {
  return (__u16)~key->source_port + (__u64)to_port;
}

#endif
