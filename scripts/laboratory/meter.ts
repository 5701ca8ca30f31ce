// What passes a host's uplink, by kind, counted by the kernel: a table of the lab's own that accepts everything.

import type { Host } from './host.ts'

const TABLE = 'lab_meter'
/** By the first word of a datagram, whatever the port: each device may have its own. */
const KINDS = {
  handshake: '@th,64,32 { 0x01000000, 0x02000000, 0x03000000 }',
  data: '@th,64,32 0x04000000',
  relay: '@th,64,32 0xf0687201',
  path: '@th,64,32 0xf0686601',
} as const
export type MeterKind = keyof typeof KINDS | 'router' | 'stun' | 'beacon' | 'tcp' | 'other'
const ORDER: readonly MeterKind[] = ['handshake', 'data', 'relay', 'path', 'router', 'stun', 'beacon', 'tcp', 'other']

export interface Passed {
  readonly packets: number
  /** IP packets, headers included, both directions. */
  readonly bytes: number
}
export type Reading = Readonly<Record<MeterKind, Passed>>

function chain(name: string, hook: string, device: 'iifname' | 'oifname'): readonly string[] {
  return [
    `chain ${name} {`,
    hook,
    `${device} "lo" accept`,
    `${device} "hf0" accept`,
    ...Object.entries(KINDS).map(([kind, words]) => `meta l4proto udp ${words} counter name count_${kind} accept`),
    'udp dport { 1900, 5350, 5351 } counter name count_router accept',
    'udp sport { 1900, 5350, 5351 } counter name count_router accept',
    'udp dport { 3478, 3479 } counter name count_stun accept',
    'udp sport { 3478, 3479 } counter name count_stun accept',
    'udp dport 51823 counter name count_beacon accept',
    'meta l4proto tcp counter name count_tcp accept',
    'counter name count_other accept',
    '}',
  ]
}

/** Begins to count at zero. */
export async function installMeter(host: Host): Promise<void> {
  const lines = [
    `table inet ${TABLE} {`,
    ...ORDER.map((kind) => `counter count_${kind} { }`),
    ...chain('out', 'type filter hook postrouting priority 400; policy accept;', 'oifname'),
    ...chain('in', 'type filter hook prerouting priority -400; policy accept;', 'iifname'),
    '}',
    '',
  ]
  await host.exec(['nft', '-f', '-'], { input: lines.join('\n') })
}

export async function readMeter(host: Host): Promise<Reading> {
  const text = await host.exec(['nft', 'list', 'counters', 'table', 'inet', TABLE])
  const of = (kind: MeterKind): Passed => {
    const found = new RegExp(`counter count_${kind} \\{\\s*packets (\\d+) bytes (\\d+)`).exec(text)
    return { packets: Number(found?.[1] ?? 0), bytes: Number(found?.[2] ?? 0) }
  }
  return Object.fromEntries(ORDER.map((kind) => [kind, of(kind)])) as Reading
}
