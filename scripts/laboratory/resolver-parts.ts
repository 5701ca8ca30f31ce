// Real resolvers around an agent: dnsmasq in each of its roles, glibc that asks, and the agent's names without the rest of it.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRunner } from '../../edge/drivers/command.ts'
import { createHostResolver } from '../../edge/drivers/host-resolver.ts'
import { askNameServer } from '../../edge/drivers/name-asker.ts'
import { createNameServer } from '../../edge/drivers/name-server.ts'
import { createOwnNames, type OwnNames } from '../../edge/names/own-names.ts'
import type { HostResolver } from '../../edge/names/wiring/doors.ts'
import { parseAddress } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { expect } from './unmet.ts'
import { waitFor } from './wait.ts'

/** A test that fails leaves them. @testonly */
export const running = new Set<ChildProcess>()

export interface Server {
  readonly end: () => Promise<void>
}

/** Listens there before it returns. `inside`: words in front of it. @testonly */
export async function dnsmasq(words: readonly string[], inside: readonly string[] = []): Promise<Server> {
  const fixed = [
    '--keep-in-foreground',
    '--bind-interfaces',
    '--no-resolv',
    '--no-hosts',
    '--pid-file=',
    '--log-facility=-',
  ]
  const [program = '', ...args] = [...inside, 'dnsmasq', ...fixed, '--user=root', ...words]
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  running.add(child)
  const said: string[] = []
  child.stderr.setEncoding('utf8')
  for await (const text of child.stderr.iterator({ destroyOnReturn: false })) {
    said.push(String(text))
    if (said.join('').includes('started, version')) break
  }
  expect(child.exitCode === null, 'dnsmasq runs', said.join(''))
  child.stderr.resume()
  return {
    async end() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

/** What glibc finds; empty where it finds nothing. `options`: of resolv.conf(5). @testonly */
export async function found(name: string, options?: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const env = options === undefined ? process.env : { ...process.env, RES_OPTIONS: options }
  execFile('getent', ['ahosts', name], { timeout: 60_000, env }, (_, out) => resolve(out))
  const addresses = (await promise).split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')[0] ?? '']))
  return [...new Set(addresses)].sort().join(' ')
}

export interface Agent {
  readonly names: OwnNames
  readonly resolver: HostResolver
  /** As a process that is killed: nothing is told. */
  kill(): void
}

/** Whoever answers names on this host is told before it returns. @testonly */
export async function startAgent(
  records: ParsedRecords,
  own: readonly string[],
  restart?: () => Promise<void>,
): Promise<Agent> {
  const log = memoryLog()
  const run = createRunner(log)
  const resolver = createHostResolver({ interface: 'hf0', run, ...(restart === undefined ? {} : { restart }) })
  const addresses = own.map(parseAddress)
  const names = createOwnNames(
    {
      log,
      settings: { interface: 'hf0' },
      names: {
        port: 51_824,
        open: async (options) => createNameServer(options),
        ask: askNameServer,
        host: { choice: 'auto', open: async () => resolver },
      },
    },
    {
      clock: systemClock,
      health: { raise: () => undefined, clear: () => undefined },
      holding: { inForce: () => ({ parsed: { records }, version: { revision: 1 } }) as never },
      members: { me: () => ({ addresses }) as never },
    },
  )
  await waitFor(
    'the resolver of this host is told',
    async () => {
      names.follow()
      const { by, why } = names.status()?.host ?? {}
      return by === undefined ? { notYet: why ?? 'nobody is told' } : { done: by }
    },
    { timeoutMs: 30_000 },
  )
  return { names, resolver, kill: () => names.close() }
}
