// `holdfast gate`: the child of the agent that leads connections by what clients ask for. What it is to do comes line by line on
// standard input, and it ends when that does.

import { createInterface } from 'node:readline'
import { gateSaidBytesMax } from '../../shared/service-limits.ts'
import { createGate } from '../gate/gate.ts'
import { ledLine } from '../gate/told.ts'
import { parseListeners } from '../gate/told-listeners.ts'
import type { Cli } from './context.ts'

export async function gateCommand(doors: Pick<Cli, 'clock' | 'entropy' | 'note'>): Promise<number> {
  const gate = createGate(doors, doors.note, (inside, outside) => {
    const line = ledLine(inside, outside)
    if (line !== undefined && process.stdout.writableLength < gateSaidBytesMax) process.stdout.write(line)
  })
  for await (const line of createInterface({ input: process.stdin })) {
    await gate.follow(parseListeners(line))
  }
  gate.close()
  return 0
}
