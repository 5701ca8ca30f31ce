// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// A short cut for the sessions of a relay, at the ingress of tc: what an end whose session is whole sends goes straight to
// the other end. Everything else goes on to the nft table, which knows what to do with it: words to the relay, strangers,
// fragments, options, packets too big or at the end of their life, neighbours not yet known.
//
// No kernel structure is read, no function of the kernel is called that 5.10 lacks, no field is atomic with a result.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include "abi.h"
#include "helpers.h"

#define HOST 0 /* PACKET_HOST: a bridge or a listener also shows us what is meant for others */
#define AF_INET 2
#define AF_INET6 10
#define FRAGMENT_BITS 0x3fff
#define FRAME_MAGIC 0xf0687201 /* first word of what is said to a relay (edge/relay/frames.ts) */
#define big16(x) __builtin_bswap16(x)
#define big32(x) __builtin_bswap32(x)

/* The loader makes the maps by these names (bpf/loader.c). */
struct map {
  __u32 unused;
};
struct map ends SEC("maps");
struct map settings SEC("maps");
struct map total SEC("maps");

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

/* Points to `length` bytes of the packet, made linear if need be; null if it is shorter. */
INLINE void *head_of(struct __sk_buff *skb, __u32 at, __u32 length) {
  void *data = (void *)(long)skb->data;
  if (data + at + length > (void *)(long)skb->data_end) {
    if (skb->len < at + length || pull_data(skb, at + length)) return 0;
    data = (void *)(long)skb->data;
    if (data + at + length > (void *)(long)skb->data_end) return 0;
  }
  return data + at;
}

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

/* Of this end, then of all; counts what passes. */
INLINE int may_pass(struct __sk_buff *skb, struct hf_relay_end *end, __u64 bytes) {
  __u32 first = 0, segments = skb->gso_segs;
  const struct hf_relay_settings *set = map_lookup(&settings, &first);
  struct hf_relay_total *all = map_lookup(&total, &first);
  if (!set || !all) return 0;
  __u64 now = ktime_ns();
  if (!conforms(&end->due_ns, &set->session, now, bytes) || !conforms(&all->due_ns, &set->total, now, bytes)) {
    __sync_fetch_and_add(&end->dropped, segments ? segments : 1);
    return 0;
  }
  __sync_fetch_and_add(&end->packets, segments ? segments : 1);
  __sync_fetch_and_add(&end->bytes, bytes);
  return 1;
}

/* Length that has to fit the way out: of one segment where several travel as one. */
INLINE __u16 wire_length(struct __sk_buff *skb, __u32 bytes, __u32 headers) {
  return skb->gso_size ? skb->gso_size + headers : bytes;
}

/* By the neighbour that the route names; the kernel resolves and confirms it as for its own packets. */
INLINE int send_on(const struct bpf_fib_lookup *route) {
  struct bpf_redir_neigh next = {.nh_family = route->family};
  __builtin_memcpy(next.ipv6_nh, route->ipv6_dst, sizeof next.ipv6_nh);
  return redirect_neigh(route->ifindex, &next, sizeof next, 0);
}

/* The sum over the ports changes wherever it is made; the pseudo header's part also where a device makes the rest. */
INLINE void fix_udp_sum(struct __sk_buff *skb, __u32 at, __u64 addresses, const struct hf_relay_key *key, __be16 to_port) {
  __u64 ports = (__u16)~key->source_port + (__u64)to_port; /* the session port stays: from the second to the first */
  l4_csum_replace(skb, at, 0, addresses, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0);
  l4_csum_replace(skb, at, 0, ports, BPF_F_MARK_MANGLED_0);
}

INLINE int forward4(struct __sk_buff *skb, __u32 l2) {
  struct head4 *head = head_of(skb, l2, sizeof *head);
  if (!head || head->ip.version != 4 || head->ip.ihl != 5 || head->ip.protocol != IPPROTO_UDP) return TC_ACT_UNSPEC;
  if (head->ip.ttl <= 1 || (head->ip.frag_off & big16(FRAGMENT_BITS))) return TC_ACT_UNSPEC;
  __u32 bytes = big16(head->ip.tot_len);
  if (skb->len != l2 + bytes || head->word == big32(FRAME_MAGIC)) return TC_ACT_UNSPEC;

  struct hf_relay_key key = {
      .source = {{0, 0, big32(0xffff), head->ip.saddr}},
      .local = {{0, 0, big32(0xffff), head->ip.daddr}},
      .source_port = head->udp.source,
      .session_port = head->udp.dest,
  };
  struct hf_relay_end *end = map_lookup(&ends, &key);
  if (!end) return TC_ACT_UNSPEC;

  struct bpf_fib_lookup route = {
      .family = AF_INET,
      .l4_protocol = IPPROTO_UDP,
      .sport = head->udp.source,
      .dport = end->to_port,
      .tot_len = wire_length(skb, bytes, sizeof(struct iphdr) + sizeof(struct udphdr)),
      .ifindex = skb->ingress_ifindex,
      .tos = head->ip.tos,
      .ipv4_src = head->ip.saddr,
      .ipv4_dst = end->to.word[3],
  };
  if (fib_lookup(skb, &route, sizeof route, 0) != BPF_FIB_LKUP_RET_SUCCESS) return TC_ACT_UNSPEC;
  if (!may_pass(skb, end, bytes)) return TC_ACT_SHOT;

  __be32 from = end->from.word[3], to = end->to.word[3];
  __u64 addresses = (__u64)(__u32)~head->ip.saddr + (__u32)~head->ip.daddr + from + to;
  addresses = (addresses & 0xffffffff) + (addresses >> 32);
  addresses = (addresses & 0xffffffff) + (addresses >> 32);
  /* RFC 1624, with one off the upper half of the word that holds the time to live. */
  __u64 sum = (__u16)~head->ip.check + addresses + (__u16)~big16(0x100);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  head->ip.check = ~sum;
  head->ip.ttl -= 1;
  head->ip.saddr = from;
  head->ip.daddr = to;
  head->udp.source = key.session_port;
  head->udp.dest = end->to_port;
  /* IPv4 allows a datagram without a sum; it stays without. */
  if (head->udp.check)
    fix_udp_sum(skb, l2 + sizeof(struct iphdr) + __builtin_offsetof(struct udphdr, check), addresses, &key, end->to_port);
  return send_on(&route);
}

INLINE int forward6(struct __sk_buff *skb, __u32 l2) {
  struct head6 *head = head_of(skb, l2, sizeof *head);
  /* An extension header, a fragment's too, stands where UDP would. */
  if (!head || head->ip.version != 6 || head->ip.nexthdr != IPPROTO_UDP || head->ip.hop_limit <= 1) return TC_ACT_UNSPEC;
  __u32 bytes = big16(head->ip.payload_len) + sizeof(struct ipv6hdr);
  if (skb->len != l2 + bytes || head->word == big32(FRAME_MAGIC) || !head->udp.check) return TC_ACT_UNSPEC;

  struct hf_relay_key key = {.source_port = head->udp.source, .session_port = head->udp.dest};
  __builtin_memcpy(&key.source, &head->ip.saddr, sizeof key.source);
  __builtin_memcpy(&key.local, &head->ip.daddr, sizeof key.local);
  struct hf_relay_end *end = map_lookup(&ends, &key);
  if (!end) return TC_ACT_UNSPEC;

  struct bpf_fib_lookup route = {
      .family = AF_INET6,
      .l4_protocol = IPPROTO_UDP,
      .sport = head->udp.source,
      .dport = end->to_port,
      .tot_len = wire_length(skb, bytes, sizeof(struct ipv6hdr) + sizeof(struct udphdr)),
      .ifindex = skb->ingress_ifindex,
      .flowinfo = *(__be32 *)&head->ip & big32(0x0fffffff),
  };
  __builtin_memcpy(route.ipv6_src, &key.source, sizeof route.ipv6_src);
  __builtin_memcpy(route.ipv6_dst, &end->to, sizeof route.ipv6_dst);
  if (fib_lookup(skb, &route, sizeof route, 0) != BPF_FIB_LKUP_RET_SUCCESS) return TC_ACT_UNSPEC;
  if (!may_pass(skb, end, bytes)) return TC_ACT_SHOT;

  struct hf_address is[2] = {end->from, end->to};
  __u64 addresses = (__u32)csum_diff(&key.source, 2 * sizeof *is, is, sizeof is, 0);
  __be16 to_port = end->to_port;
  head->ip.hop_limit -= 1;
  __builtin_memcpy(&head->ip.saddr, &is[0], sizeof *is);
  __builtin_memcpy(&head->ip.daddr, &is[1], sizeof *is);
  head->udp.source = key.session_port;
  head->udp.dest = to_port;
  fix_udp_sum(skb, l2 + sizeof(struct ipv6hdr) + __builtin_offsetof(struct udphdr, check), addresses, &key, to_port);
  /* A device's sum over the packet: no header's sum makes up for new addresses and the hop, as it does in IPv4. */
  csum_update(skb, (addresses & 0xffff) + (addresses >> 16) + (__u16)~big16(1));
  return send_on(&route);
}

INLINE int forward(struct __sk_buff *skb, __u32 l2) {
  if (skb->pkt_type != HOST || skb->vlan_present) return TC_ACT_UNSPEC;
  if (skb->protocol == big16(ETH_P_IP)) return forward4(skb, l2);
  if (skb->protocol == big16(ETH_P_IPV6)) return forward6(skb, l2);
  return TC_ACT_UNSPEC;
}

SEC("ether") int relay_ether(struct __sk_buff *skb) { return forward(skb, ETH_HLEN); }

/* Devices without a link header: LTE, PPP, tunnels. */
SEC("raw") int relay_raw(struct __sk_buff *skb) { return forward(skb, 0); }

char licence[] SEC("license") = "GPL";
