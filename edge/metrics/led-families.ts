// Whom this node leads out to the internet. By family of addresses: who they are is nobody's business who looks after load.

import { counter, type Family, gauge, type Sample } from '../../shared/metrics-text.ts'
import type { LedOut } from '../drivers/driver.ts'

/** None where this node leads nobody out. */
export function ledFamilies(led: readonly LedOut[]): readonly Family[] {
  if (led.length === 0) return []
  const each = (what: 'packets' | 'bytes'): readonly Sample[] =>
    led.flatMap(({ back, family, out }): readonly Sample[] => [
      [{ family: String(family), direction: 'out' }, out[what]],
      [{ family: String(family), direction: 'back' }, back[what]],
    ])
  return [
    gauge(
      'holdfast_agent_led_out_nodes',
      'Nodes that went to the internet through this one within five minutes.',
      led.map(({ family, nodes }): Sample => [{ family: String(family) }, nodes]),
    ),
    counter('holdfast_agent_led_out_packets_total', 'Packets of those that policy let pass.', each('packets')),
    counter('holdfast_agent_led_out_bytes_total', 'Bytes of those packets.', each('bytes')),
  ]
}
