// What the agent of a host costs, as this machine's kernel counts it.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { HoldfastError } from '../../shared/errors.ts'
import { cpuMsOf, memoryOf } from '../benchmark/process-cost.ts'
import type { Host } from './host.ts'

export interface AgentCost {
  readonly cpuMs: number
  readonly rssMiB: number
}

function agentOf(host: Host): number {
  const home = readlinkSync(`/proc/${host.pid()}/ns/pid`)
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
      if (words.includes('agent') && readlinkSync(`/proc/${name}/ns/pid`) === home) return Number(name)
    } catch {
      // It ended meanwhile.
    }
  }
  throw new HoldfastError('not-found', `no agent runs on ${host.name}`)
}

export function agentCost(host: Host): AgentCost {
  const pid = agentOf(host)
  return { cpuMs: cpuMsOf(pid), rssMiB: memoryOf(pid).rssMiB }
}
