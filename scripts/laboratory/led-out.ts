// What a node that leads others out tells of them in its metrics.

import type { LabNode } from './node.ts'
import { expect } from './unmet.ts'

/** So many nodes of that family, and bytes of theirs both ways. */
export async function expectLedOut(node: LabNode, family: 4 | 6, nodes: number): Promise<void> {
  const lines = (await node.cli(['metrics'])).split('\n').filter((line) => line.startsWith('holdfast_agent_led_out_'))
  const value = (sample: string): number | undefined => {
    const line = lines.find((one) => one.startsWith(`holdfast_agent_led_out_${sample} `))
    return line === undefined ? undefined : Number(line.split(' ')[1])
  }
  const bytes = ['out', 'back'].map(
    (direction) => value(`bytes_total{family="${family}",direction="${direction}"}`) ?? 0,
  )
  const isRight = value(`nodes{family="${family}"}`) === nodes && bytes.every((count) => count > 0)
  expect(isRight, `${nodes} nodes led out, and their bytes`, lines.join('\n'))
}
