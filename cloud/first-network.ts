// The network that a fresh hub begins with, so that the first device can join without anybody planning addresses.

import type { Entropy } from '../shared/effects.ts'
import { parseName } from '../shared/ids.ts'
import { networkSpec } from '../shared/intent/network.ts'
import { apiVersion, parseWith, type Resource } from '../shared/intent/resource.ts'

/** 100.64.0.0/10 (RFC 6598) is never announced and seldom used inside sites; the IPv6 block is random (RFC 4193 §3.2). */
export function firstNetwork(entropy: Entropy): Resource<'Network'> {
  const random = Array.from(entropy.bytes(5), (byte) => byte.toString(16).padStart(2, '0')).join('')
  const group = (from: number): string => Number.parseInt(random.slice(from, from + 4), 16).toString(16)
  const cidr6 = `fd${random.slice(0, 2)}:${group(2)}:${group(6)}::/64`
  const spec = parseWith(networkSpec, { cidr: '100.80.0.0/16', cidr6 })
  return { apiVersion, kind: 'Network', metadata: { name: parseName('default') }, spec }
}
