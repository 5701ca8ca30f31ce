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
INLINE int may_pass(struct __sk_buff *skb, struct hf_relay_end *end, __u64 now, __u64 bytes) {
  __u32 segments = skb->gso_segs;
  if (!conforms(&end->due_ns, &settings.session, now, bytes) || !conforms(&total.due_ns, &settings.total, now, bytes)) {
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
INLINE int recall(const struct hf_relay_end *end, __u64 now, struct __sk_buff *skb, __u32 kind, __u32 length,
                  struct hf_relay_way *out) {
  const volatile struct hf_relay_way *way = &end->way;
  __u64 until = way->until_ns, to = way->to, from = way->from, device = way->out, in = way->in, of = way->kind;
  if (until <= now) return 0;
  __u64 tag = until << HF_WAY_TAG_SHIFT;
  if (((to ^ tag) | (from ^ tag) | (device ^ tag)) >> HF_WAY_TAG_SHIFT) return 0;
  if (in != (tag | skb->ingress_ifindex) || of != (tag | kind) || length > (__u16)(device >> 32)) return 0;
  out->to = to;
  out->from = from;
  out->out = device;
  return 1;
}

/* Of a route that was found: the link addresses, if both ends of it have some, and what is known to fit. */
INLINE void remember(struct hf_relay_end *end, __u64 now, struct __sk_buff *skb, __u32 kind,
                     const struct bpf_fib_lookup *route) {
  __u32 device = route->ifindex;
  __u64 to = read_link(route->dmac), from = read_link(route->smac), until = now + HF_WAY_NS;
  __u64 tag = until << HF_WAY_TAG_SHIFT;
  if (!to || !from || !map_lookup(&ethers, &device)) return;
  volatile struct hf_relay_way *way = &end->way;
  way->until_ns = until;
  way->to = tag | to;
  way->from = tag | from;
  way->out = tag | (__u64)route->tot_len << 32 | device; /* newer kernels put the largest that fits there */
  way->in = tag | skb->ingress_ifindex;
  way->kind = tag | kind;
}

/* By the neighbour that the route names; the kernel resolves and confirms it as for its own packets. */
INLINE int send_by(const struct bpf_fib_lookup *route) {
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

  struct bpf_fib_lookup route;
  struct hf_relay_way way;
  __u64 now = ktime_coarse_ns();
  __u32 kind = head->ip.tos & ~CONGESTION, length = wire_length(skb, bytes, sizeof(struct iphdr) + sizeof(struct udphdr));
  int known = l2 == ETH_HLEN && recall(end, now, skb, kind, length, &way);
  if (!known) {
    route = (struct bpf_fib_lookup){
        .family = AF_INET,
        .l4_protocol = IPPROTO_UDP,
        .sport = head->udp.source,
        .dport = end->to_port,
        .tot_len = length,
        .ifindex = skb->ingress_ifindex,
        .tos = head->ip.tos,
        .ipv4_src = head->ip.saddr,
        .ipv4_dst = end->to.word[3],
    };
    if (fib_lookup(skb, &route, sizeof route, 0) != BPF_FIB_LKUP_RET_SUCCESS) return TC_ACT_UNSPEC;
    if (l2 == ETH_HLEN) remember(end, now, skb, kind, &route);
  }
  if (!may_pass(skb, end, now, bytes)) return TC_ACT_SHOT;

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
  if (known) write_ether((void *)head - ETH_HLEN, &way);
  /* IPv4 allows a datagram without a sum; it stays without. */
  if (head->udp.check)
    fix_udp_sum(skb, l2 + sizeof(struct iphdr) + __builtin_offsetof(struct udphdr, check), addresses, &key, end->to_port);
  return known ? redirect((__u32)way.out, 0) : send_by(&route);
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

  struct bpf_fib_lookup route;
  struct hf_relay_way way;
  __u64 now = ktime_coarse_ns();
  __be32 flowinfo = *(__be32 *)&head->ip & big32(0x0fffffff);
  __u32 kind = big32(flowinfo) & ~(CONGESTION << 20);
  __u32 length = wire_length(skb, bytes, sizeof(struct ipv6hdr) + sizeof(struct udphdr));
  int known = l2 == ETH_HLEN && recall(end, now, skb, kind, length, &way);
  if (!known) {
    route = (struct bpf_fib_lookup){
        .family = AF_INET6,
        .l4_protocol = IPPROTO_UDP,
        .sport = head->udp.source,
        .dport = end->to_port,
        .tot_len = length,
        .ifindex = skb->ingress_ifindex,
        .flowinfo = flowinfo,
    };
    __builtin_memcpy(route.ipv6_src, &key.source, sizeof route.ipv6_src);
    __builtin_memcpy(route.ipv6_dst, &end->to, sizeof route.ipv6_dst);
    if (fib_lookup(skb, &route, sizeof route, 0) != BPF_FIB_LKUP_RET_SUCCESS) return TC_ACT_UNSPEC;
    if (l2 == ETH_HLEN) remember(end, now, skb, kind, &route);
  }
  if (!may_pass(skb, end, now, bytes)) return TC_ACT_SHOT;

  struct hf_address is[2] = {end->from, end->to};
  __u64 addresses = (__u32)csum_diff(&key.source, 2 * sizeof *is, is, sizeof is, 0);
  __be16 to_port = end->to_port;
  head->ip.hop_limit -= 1;
  __builtin_memcpy(&head->ip.saddr, &is[0], sizeof *is);
  __builtin_memcpy(&head->ip.daddr, &is[1], sizeof *is);
  head->udp.source = key.session_port;
  head->udp.dest = to_port;
  if (known) write_ether((void *)head - ETH_HLEN, &way);
  fix_udp_sum(skb, l2 + sizeof(struct ipv6hdr) + __builtin_offsetof(struct udphdr, check), addresses, &key, to_port);
  /* A device's sum over the packet: no header's sum makes up for new addresses and the hop, as it does in IPv4. */
  csum_update(skb, (addresses & 0xffff) + (addresses >> 16) + (__u16)~big16(1));
  return known ? redirect((__u32)way.out, 0) : send_by(&route);
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
