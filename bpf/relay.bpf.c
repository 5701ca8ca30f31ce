// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// A short cut for the sessions of a relay, at the ingress of tc: what an end whose session is whole sends goes straight to
// the other end. Everything else goes on to the nft table, which knows what to do with it: words to the relay, strangers,
// fragments, options, packets too big or at the end of their life, neighbours not yet known.
//
// No kernel structure is read, no function of the kernel is called that 5.10 lacks, no field is atomic with a result.

#include <linux/pkt_cls.h>

#include "relay.h"

#define HOST 0 /* PACKET_HOST: a bridge or a listener also shows us what is meant for others */
#define AF_INET 2
#define AF_INET6 10

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

INLINE __u64 packets_in(const struct __sk_buff *skb) {
  __u32 segments = skb->gso_segs;
  return segments ? segments : 1;
}

/* Length that has to fit the way out: of one segment where several travel as one. */
INLINE __u16 wire_length(struct __sk_buff *skb, __u32 bytes, __u32 headers) {
  return skb->gso_size ? skb->gso_size + headers : bytes;
}

/*
 * Of a route that was found: the link addresses, if both ends of it have some, and what is known to fit. XDP goes by it, too,
 * where the way out takes its frames, with what comes to the same link address.
 */
INLINE void remember(struct hf_relay_end *end, __u64 now, const struct asked *asked, const struct bpf_fib_lookup *route,
                     __u64 here) {
  __u32 device = route->ifindex;
  __u64 to = read_link(route->dmac), from = read_link(route->smac), until = now + HF_WAY_NS;
  __u64 tag = until << HF_WAY_TAG_SHIFT;
  const __u32 *is = map_lookup(&ethers, &device);
  if (!to || !from || !is) return;
  volatile struct hf_relay_way *way = &end->way;
  way->until_ns = until;
  way->to = tag | to;
  way->from = tag | from;
  way->out = tag | (__u64)route->tot_len << 32 | device; /* newer kernels put the largest that fits there */
  way->in = tag | asked->in;
  way->kind = tag | asked->kind;
  way->here = *is == (HF_ETHER | HF_TAKES_FRAMES) ? tag | here : 0;
}

/* By the neighbour that the route names; the kernel resolves and confirms it as for its own packets. */
INLINE int send_by(const struct bpf_fib_lookup *route) {
  struct bpf_redir_neigh next = {.nh_family = route->family};
  __builtin_memcpy(next.ipv6_nh, route->ipv6_dst, sizeof next.ipv6_nh);
  return redirect_neigh(route->ifindex, &next, sizeof next, 0);
}

/* The sum over the ports changes wherever it is made; the pseudo header's part also where a device makes the rest. */
INLINE void fix_udp_sum(struct __sk_buff *skb, __u32 at, __u64 addresses, __u64 ports) {
  l4_csum_replace(skb, at, 0, addresses, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0);
  l4_csum_replace(skb, at, 0, ports, BPF_F_MARK_MANGLED_0);
}

INLINE int forward4(struct __sk_buff *skb, __u32 l2) {
  struct head4 *head = head_of(skb, l2, sizeof *head);
  if (!head || !is_plain4(head)) return TC_ACT_UNSPEC;
  __u32 bytes = big16(head->ip.tot_len);
  if (skb->len != l2 + bytes) return TC_ACT_UNSPEC;
  struct hf_relay_key key = key4(head);
  struct hf_relay_end *end = map_lookup(&ends, &key);
  if (!end) return TC_ACT_UNSPEC;

  struct bpf_fib_lookup route;
  struct hf_relay_way way;
  __u64 now = ktime_coarse_ns();
  const struct asked asked = {skb->ingress_ifindex, kind4(head),
                              wire_length(skb, bytes, sizeof(struct iphdr) + sizeof(struct udphdr))};
  int known = l2 == ETH_HLEN && recall(end, now, &asked, &way);
  if (!known) {
    __u64 here = l2 == ETH_HLEN ? read_link((void *)head - ETH_HLEN) : 0;
    route = (struct bpf_fib_lookup){
        .family = AF_INET,
        .l4_protocol = IPPROTO_UDP,
        .sport = head->udp.source,
        .dport = end->to_port,
        .tot_len = asked.length,
        .ifindex = skb->ingress_ifindex,
        .tos = head->ip.tos,
        .ipv4_src = head->ip.saddr,
        .ipv4_dst = end->to.word[3],
    };
    if (fib_lookup(skb, &route, sizeof route, 0) != BPF_FIB_LKUP_RET_SUCCESS) return TC_ACT_UNSPEC;
    if (l2 == ETH_HLEN) remember(end, now, &asked, &route, here);
  }
  if (!may_pass(end, now, packets_in(skb), bytes)) return TC_ACT_SHOT;

  __u64 addresses = turn4(head, end, key.session_port);
  if (known) write_ether((void *)head - ETH_HLEN, &way);
  /* IPv4 allows a datagram without a sum; it stays without. */
  if (head->udp.check)
    fix_udp_sum(skb, l2 + sizeof(struct iphdr) + __builtin_offsetof(struct udphdr, check), addresses,
                turned_ports(&key, end->to_port));
  return known ? redirect((__u32)way.out, 0) : send_by(&route);
}

INLINE int forward6(struct __sk_buff *skb, __u32 l2) {
  struct head6 *head = head_of(skb, l2, sizeof *head);
  if (!head || !is_plain6(head)) return TC_ACT_UNSPEC;
  __u32 bytes = big16(head->ip.payload_len) + sizeof(struct ipv6hdr);
  if (skb->len != l2 + bytes) return TC_ACT_UNSPEC;
  struct hf_relay_key key = key6(head);
  struct hf_relay_end *end = map_lookup(&ends, &key);
  if (!end) return TC_ACT_UNSPEC;

  struct bpf_fib_lookup route;
  struct hf_relay_way way;
  __u64 now = ktime_coarse_ns();
  const struct asked asked = {skb->ingress_ifindex, kind6(head),
                              wire_length(skb, bytes, sizeof(struct ipv6hdr) + sizeof(struct udphdr))};
  int known = l2 == ETH_HLEN && recall(end, now, &asked, &way);
  if (!known) {
    __u64 here = l2 == ETH_HLEN ? read_link((void *)head - ETH_HLEN) : 0;
    route = (struct bpf_fib_lookup){
        .family = AF_INET6,
        .l4_protocol = IPPROTO_UDP,
        .sport = head->udp.source,
        .dport = end->to_port,
        .tot_len = asked.length,
        .ifindex = skb->ingress_ifindex,
        .flowinfo = flowinfo6(head),
    };
    __builtin_memcpy(route.ipv6_src, &key.source, sizeof route.ipv6_src);
    __builtin_memcpy(route.ipv6_dst, &end->to, sizeof route.ipv6_dst);
    if (fib_lookup(skb, &route, sizeof route, 0) != BPF_FIB_LKUP_RET_SUCCESS) return TC_ACT_UNSPEC;
    if (l2 == ETH_HLEN) remember(end, now, &asked, &route, here);
  }
  if (!may_pass(end, now, packets_in(skb), bytes)) return TC_ACT_SHOT;

  __be16 to_port = end->to_port;
  __u64 addresses = turn6(head, end, &key);
  if (known) write_ether((void *)head - ETH_HLEN, &way);
  fix_udp_sum(skb, l2 + sizeof(struct ipv6hdr) + __builtin_offsetof(struct udphdr, check), addresses,
              turned_ports(&key, to_port));
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
