// `holdfast tls-gate`: the child of the agent that leads TLS by names. What it is to do comes line by line on standard input, and
// it ends when that does.

import { createInterface } from 'node:readline'
import * as v from 'valibot'
import { address, cidr, port } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { createGate } from '../tls-gate/gate.ts'
import type { Cli } from './context.ts'

const listeners = v.array(
  v.strictObject({
    address,
    port,
    routes: v.array(
      v.strictObject({
        hostnames: v.array(v.string()),
        from: v.array(cidr),
        to: v.strictObject({ address, port }),
      }),
    ),
  }),
)

export async function tlsGateCommand({ clock, note }: Pick<Cli, 'clock' | 'note'>): Promise<number> {
  const gate = createGate(clock, note)
  for await (const line of createInterface({ input: process.stdin })) {
    gate.follow(parseWith(listeners, JSON.parse(line)))
  }
  gate.close()
  return 0
}
