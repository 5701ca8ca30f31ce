/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The kernel's functions that the programs call, by their numbers (enum bpf_func_id); all are in 5.10 but
   the coarse clock of 5.11, in whose place the loader puts the other one. */
#ifndef HOLDFAST_HELPERS_H
#define HOLDFAST_HELPERS_H

#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

static void *(*map_lookup)(const void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*map_update)(const void *map, const void *key, const void *value, __u64 flags) =
    (void *)BPF_FUNC_map_update_elem;
static long (*map_delete)(const void *map, const void *key) = (void *)BPF_FUNC_map_delete_elem;
static long (*load_bytes)(const struct __sk_buff *, __u32 at, void *to, __u32 length) = (void *)BPF_FUNC_skb_load_bytes;
static long (*load_bytes_relative)(const struct __sk_buff *, __u32 at, void *to, __u32 length, __u32 from) =
    (void *)BPF_FUNC_skb_load_bytes_relative;
static long (*store_bytes)(struct __sk_buff *, __u32 at, const void *from, __u32 length, __u64 flags) =
    (void *)BPF_FUNC_skb_store_bytes;
static long (*change_head)(struct __sk_buff *, __u32 length, __u64 flags) = (void *)BPF_FUNC_skb_change_head;
static __u64 (*ktime_coarse_ns)(void) = (void *)BPF_FUNC_ktime_get_coarse_ns;
static long (*pull_data)(struct __sk_buff *, __u32 length) = (void *)BPF_FUNC_skb_pull_data;
static long (*l4_csum_replace)(struct __sk_buff *, __u32 at, __u64 from, __u64 to, __u64 flags) =
    (void *)BPF_FUNC_l4_csum_replace;
static __s64 (*csum_diff)(const void *from, __u32 from_size, const void *to, __u32 to_size, __u32 seed) =
    (void *)BPF_FUNC_csum_diff;
static __s64 (*csum_update)(struct __sk_buff *, __u32 sum) = (void *)BPF_FUNC_csum_update;
static long (*fib_lookup)(void *context, struct bpf_fib_lookup *, int size, __u32 flags) = (void *)BPF_FUNC_fib_lookup;
static long (*redirect_neigh)(__u32 ifindex, struct bpf_redir_neigh *, int size, __u64 flags) =
    (void *)BPF_FUNC_redirect_neigh;
static long (*redirect)(__u32 ifindex, __u64 flags) = (void *)BPF_FUNC_redirect;

#endif
