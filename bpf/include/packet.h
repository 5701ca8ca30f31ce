/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What policy has to know of a packet, read from the headers of IPv4 and IPv6 and of what they carry. Whatever is not as it says
   it is, is no packet: it gets the reason why it is dropped. */
#ifndef HOLDFAST_PACKET_H
#define HOLDFAST_PACKET_H

#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "abi.h"
#include "helpers.h"

#define big16(x) __builtin_bswap16(x)
#define big32(x) __builtin_bswap32(x)

/* As many as RFC 8200 names, each once, and one twice. */
#define HEADERS_MAX 7
#define HOP_BY_HOP 0
#define ROUTING 43
#define FRAGMENT 44
#define AUTHENTICATION 51
#define DESTINATION 60
#define OFFSET_BITS 0x1fff
#define MORE_BIT 0x2000

/* The least that a packet of TCP, UDP, SCTP or ICMP has behind its IP header. */
#define TCP_MIN 20
#define UDP_MIN 8
#define SCTP_MIN 12
#define ICMP_MIN 8
/* Of ICMP, whose header wants a C library's. */
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMP_TIMESTAMP 13
#define ICMP_TIMESTAMPREPLY 14
#define NEIGHBOUR_SOLICITATION 135
#define NEIGHBOUR_ADVERTISEMENT 136
#define TCP_FLAGS_AT 13
#define FIN 1
#define SYN 2
#define RST 4
#define ACK 16

enum fragment { WHOLE, FIRST, LATER };
/* What a packet may be to a flow: OPENS never belongs to one that the other end opened, ANSWERS never opens one. */
enum role { ANY, OPENS, ANSWERS, ALONE, CONTROL, ERROR };

struct packet {
  struct hf_address source;
  struct hf_address destination;
  __u32 at;    /* of what the headers of IP carry, in the frame */
  __u32 end;   /* of the packet, in the frame */
  __u32 bytes; /* of the packet; of several segments that travel as one, with one header */
  __u32 fragment_id;
  __be16 source_port;
  __be16 destination_port;
  __u8 protocol; /* as the table knows it, but for those that it does not know: these keep their own number */
  __u8 fragment;
  __u8 role;
  __u8 tcp;
  __u8 is_ipv4;
};

INLINE int is_ipv4(const struct hf_address *address) {
  return !address->word[0] && !address->word[1] && address->word[2] == big32(0xffff);
}

INLINE int read4(struct __sk_buff *skb, __u32 l2, struct packet *packet) {
  struct iphdr ip;
  if (load_bytes(skb, l2, &ip, sizeof ip)) return HF_TRUNCATED;
  __u32 header = ip.ihl * 4, length = big16(ip.tot_len);
  if (!length && skb->gso_size) length = skb->len - l2;
  if (ip.version != 4 || header < sizeof ip || length < header || skb->len < l2 + length) return HF_TRUNCATED;
  packet->source = (struct hf_address){{0, 0, big32(0xffff), ip.saddr}};
  packet->destination = (struct hf_address){{0, 0, big32(0xffff), ip.daddr}};
  packet->at = l2 + header;
  packet->end = l2 + length;
  packet->bytes = length;
  packet->protocol = ip.protocol;
  packet->is_ipv4 = 1;
  packet->fragment_id = ip.id;
  __u16 bits = big16(ip.frag_off);
  if (bits & OFFSET_BITS) packet->fragment = LATER;
  else if (bits & MORE_BIT) packet->fragment = FIRST;
  /* So short that the next would overlap the header of TCP (RFC 1858). */
  if ((bits & OFFSET_BITS) == 1 && ip.protocol == IPPROTO_TCP) return HF_FRAGMENT;
  return 0;
}

INLINE int is_extension(__u8 header) {
  return header == HOP_BY_HOP || header == ROUTING || header == FRAGMENT || header == AUTHENTICATION || header == DESTINATION;
}

INLINE int read6(struct __sk_buff *skb, __u32 l2, struct packet *packet) {
  struct ipv6hdr ip;
  if (load_bytes(skb, l2, &ip, sizeof ip)) return HF_TRUNCATED;
  __u32 length = big16(ip.payload_len), at = l2 + sizeof ip, end = at + length;
  if (!length && skb->gso_size) end = skb->len;
  if (ip.version != 6 || skb->len < end) return HF_TRUNCATED;
  __builtin_memcpy(&packet->source, &ip.saddr, sizeof packet->source);
  __builtin_memcpy(&packet->destination, &ip.daddr, sizeof packet->destination);
  /* IPv4 in all but the header, which nobody sends (RFC 4038 4.2). */
  if (is_ipv4(&packet->source) || is_ipv4(&packet->destination)) return HF_FOREIGN;
  packet->end = end;
  packet->bytes = end - l2;
  __u8 header = ip.nexthdr;
#pragma unroll
  for (int i = 0; i < HEADERS_MAX; i++) {
    if (!is_extension(header)) break;
    __u8 extension[8];
    if (at + sizeof extension > end || load_bytes(skb, at, extension, sizeof extension)) return HF_TRUNCATED;
    if (header == FRAGMENT) {
      if (packet->fragment) return HF_HEADERS;
      __u16 bits = (__u16)extension[2] << 8 | extension[3];
      __builtin_memcpy(&packet->fragment_id, extension + 4, sizeof packet->fragment_id);
      at += sizeof extension;
      packet->at = at;
      if (bits >> 3) {
        packet->fragment = LATER;
        return bits >> 3 == 1 && extension[0] == IPPROTO_TCP ? HF_FRAGMENT : 0;
      }
      /* One that has neither more nor an offset is whole (RFC 6946). */
      packet->fragment = bits & 1 ? FIRST : WHOLE;
    } else if (header == ROUTING && extension[3]) {
      return HF_HEADERS; /* it goes elsewhere than its address says */
    } else {
      at += header == AUTHENTICATION ? (extension[1] + 2) * 4 : (extension[1] + 1) * 8;
    }
    header = extension[0];
  }
  if (is_extension(header)) return HF_HEADERS;
  /* The table knows one ICMP; the other's number in the wrong family is not it. */
  packet->protocol = header == IPPROTO_ICMPV6 ? IPPROTO_ICMP : header == IPPROTO_ICMP ? IPPROTO_ICMPV6 : header;
  packet->at = at;
  return 0;
}

INLINE __u8 role4(__u8 type) {
  switch (type) {
    case ICMP_ECHO:
    case ICMP_TIMESTAMP:
      return OPENS;
    case ICMP_ECHOREPLY:
    case ICMP_TIMESTAMPREPLY:
      return ANSWERS;
    case ICMP_DEST_UNREACH:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETERPROB:
      return ERROR;
    default:
      return ALONE;
  }
}

INLINE __u8 role6(__u8 type) {
  switch (type) {
    case ICMPV6_ECHO_REQUEST:
      return OPENS;
    case ICMPV6_ECHO_REPLY:
      return ANSWERS;
    case ICMPV6_DEST_UNREACH:
    case ICMPV6_PKT_TOOBIG:
    case ICMPV6_TIME_EXCEED:
    case ICMPV6_PARAMPROB:
      return ERROR;
    case NEIGHBOUR_SOLICITATION:
    case NEIGHBOUR_ADVERTISEMENT:
      return CONTROL;
    default:
      return ALONE;
  }
}

INLINE int has_ports(__u8 protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP || protocol == IPPROTO_ICMP;
}

/* Of ICMP what the packet is; of the others the ports. `head`: the first bytes of either. */
INLINE void name_ports(struct packet *packet, const __be16 *head) {
  if (packet->protocol != IPPROTO_ICMP) {
    packet->source_port = head[0];
    packet->destination_port = head[1];
    return;
  }
  __u8 type = ((const __u8 *)head)[0];
  packet->role = packet->is_ipv4 ? role4(type) : role6(type);
  /* As if whoever asks had the identifier for a port, so that both ends may ask by the same. */
  if (packet->role == OPENS) packet->source_port = head[2];
  if (packet->role == ANSWERS) packet->destination_port = head[2];
}

/* Ports, and what the packet may be to a flow. Whoever says what he carries carries at least the header of it. */
INLINE int read_transport(struct __sk_buff *skb, struct packet *packet) {
  __be16 head[4];
  __u32 least = packet->protocol == IPPROTO_TCP    ? TCP_MIN
                : packet->protocol == IPPROTO_SCTP ? SCTP_MIN
                : packet->protocol == IPPROTO_UDP  ? UDP_MIN
                : packet->protocol == IPPROTO_ICMP ? ICMP_MIN
                                                   : 0;
  if (!least) return 0;
  if (packet->at + least > packet->end || load_bytes(skb, packet->at, head, sizeof head)) return HF_TRUNCATED;
  name_ports(packet, head);
  if (packet->protocol != IPPROTO_TCP) return 0;
  if (load_bytes(skb, packet->at + TCP_FLAGS_AT, &packet->tcp, sizeof packet->tcp)) return HF_TRUNCATED;
  if ((packet->tcp & (SYN | ACK)) == SYN) packet->role = OPENS;
  return 0;
}

/*
 * The packet that an error of ICMP quotes, as far as it does. A piece of one, and what extension headers are before, is not
 * looked into: it has no protocol then, and role CONTROL.
 */
INLINE int read_quoted(struct __sk_buff *skb, const struct packet *error, struct packet *quoted) {
  union {
    struct iphdr four;
    struct ipv6hdr six;
    __be16 head[4];
  } read;
  __u32 at = error->at + ICMP_MIN;
  quoted->is_ipv4 = error->is_ipv4;
  if (error->is_ipv4) {
    if (at + sizeof read.four > error->end || load_bytes(skb, at, &read, sizeof read.four)) return HF_TRUNCATED;
    quoted->source = (struct hf_address){{0, 0, big32(0xffff), read.four.saddr}};
    quoted->destination = (struct hf_address){{0, 0, big32(0xffff), read.four.daddr}};
    quoted->protocol = read.four.protocol;
    if (big16(read.four.frag_off) & OFFSET_BITS) quoted->role = CONTROL;
    at += read.four.ihl * 4;
  } else {
    if (at + sizeof read.six > error->end || load_bytes(skb, at, &read, sizeof read.six)) return HF_TRUNCATED;
    __builtin_memcpy(&quoted->source, &read.six.saddr, sizeof quoted->source);
    __builtin_memcpy(&quoted->destination, &read.six.daddr, sizeof quoted->destination);
    quoted->protocol = read.six.nexthdr == IPPROTO_ICMPV6 ? IPPROTO_ICMP : read.six.nexthdr;
    if (is_extension(read.six.nexthdr)) quoted->role = CONTROL;
    at += sizeof read.six;
  }
  const __u8 protocol = quoted->protocol;
  if (quoted->role == CONTROL || !has_ports(protocol)) return 0;
  if (at + sizeof read.head > error->end || load_bytes(skb, at, &read.head, sizeof read.head)) return HF_TRUNCATED;
  name_ports(quoted, read.head);
  return 0;
}

/* From the frame to all of it; 0, or why it is dropped. Of later fragments there are no ports. */
INLINE int read_packet(struct __sk_buff *skb, __u32 l2, struct packet *packet) {
  int fault = skb->protocol == big16(ETH_P_IP)     ? read4(skb, l2, packet)
              : skb->protocol == big16(ETH_P_IPV6) ? read6(skb, l2, packet)
                                                   : HF_FOREIGN;
  return fault || packet->fragment == LATER ? fault : read_transport(skb, packet);
}

#endif
