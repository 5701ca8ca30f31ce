// The command line of a device as a person calls it, beside an agent that answers what it is told to, or none.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { fakeAgent } from '../agent.fake.ts'
import { hostProbe } from '../host/probe.ts'
import { type LocalDoors, localRoutes } from '../local/routes.ts'
import { serveLocal } from '../local/server.ts'
import { type Doors, runCli } from './run.ts'

interface Said {
  readonly code: number
  readonly out: string
  readonly notes: string
}

export type Call = (...argv: readonly string[]) => Promise<Said>

/** `agent` absent: none runs. `state` is the state directory, gone afterwards. */
export async function withCli(
  agent: LocalDoors['agent'] | undefined,
  run: (call: Call, state: string) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const state = mkdtempSync(join(tmpdir(), 'hf-cli-'))
  let said = { out: '', notes: '' }
  const doors = {
    write: (text: string) => void (said.out += text),
    note: (sentence: string) => void (said.notes += `${sentence}\n`),
    env: { HOLDFAST_STATE: state, ...env },
    clock: systemClock,
    entropy: systemEntropy,
    createLog: () => memoryLog(),
    createRun: () => async () => '',
    probe: hostProbe({}),
    readConfigFile: async () => undefined,
  } as unknown as Doors
  const routes = localRoutes({
    agent: agent ?? fakeAgent({ status: () => ({}) as never }),
    store: { loadJournal: () => [] },
    echo: { probe: async () => undefined },
    clock: systemClock,
    metrics: async () => '# TYPE up gauge\nup 1\n',
    stop: () => undefined,
  })
  const server = agent === undefined ? undefined : await serveLocal(join(state, 'agent.sock'), routes, memoryLog())
  try {
    await run(async (...argv) => {
      said = { out: '', notes: '' }
      const code = await runCli(argv, doors)
      return { code, ...said }
    }, state)
  } finally {
    await server?.close()
    rmSync(state, { recursive: true })
  }
}
