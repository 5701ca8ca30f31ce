// One device of the lab's fleet: a host with an agent, driven by its command line and read through its local API.

import { join } from 'node:path'
import type { AgentStatus } from '../../edge/agent.ts'
import { createLocalClient, type LocalClient } from '../../edge/local/client.ts'
import type { PathsReport } from '../../edge/paths/report.ts'
import type { Host, Running } from './host.ts'
import { unitRights } from './unit-rights.ts'
import { waitFor } from './wait.ts'

/** Under load a process needs a second to start; the mesh itself is measured elsewhere. */
const START_TIMEOUT_MS = 45_000

export interface NodeFlags {
  readonly join?: readonly string[]
  readonly agent?: readonly string[]
  /** It runs `holdfast relay` in place of the agent: no mesh address, no local API. */
  readonly alone?: boolean
  /** It has the rights of its unit alone; else all of root. */
  readonly asUnit?: boolean
}

export interface LabNode {
  readonly name: string
  readonly host: Host
  /** Where its state lies, as seen from this machine: through its own mounts. */
  state(): string
  /** `holdfast` with these words. */
  cli(words: readonly string[]): Promise<string>
  join(url: string, token: string, labels: Readonly<Record<string, string>>): Promise<void>
  /** Starts the agent, as an init system does; resolves once its local API answers. */
  start(): Promise<void>
  /** Starts the agent and waits for nothing. */
  launch(): void
  end(signal: NodeJS.Signals): Promise<void>
  /** From now on its agent is started by these words. */
  runBy(argv: readonly string[]): void
  /** Resolves with the exit code when the agent ends by itself. */
  exited(): Promise<number | undefined>
  /** Cuts the power and puts it back; the agent is not started. */
  reboot(): Promise<void>
  status(): Promise<AgentStatus>
  paths(): Promise<PathsReport>
  /** Mesh addresses: IPv4 first. Known once the agent ran. */
  addresses(): Promise<readonly string[]>
  address(): Promise<string>
}

/** `flags`: further words for `join`, and for `agent`. */
export function createLabNode(host: Host, flags: NodeFlags = {}): LabNode {
  const state = (): string => `/proc/${host.pid()}/root/var/lib/holdfast`
  const api = (): LocalClient => createLocalClient(join(state(), 'agent.sock'))
  let running: Running | undefined
  let known: readonly string[] = []
  const command = flags.alone === true ? 'relay' : 'agent'
  const unit = flags.alone === true ? 'holdfast-relay' : 'holdfast'
  const rights = flags.asUnit === true ? unitRights(unit) : []
  let words = [...rights, 'holdfast', command, ...(flags.agent ?? [])]
  const launch = (): Running => {
    running = host.spawn(words, command)
    return running
  }
  const status = (): Promise<AgentStatus> => api().status(false)
  const addresses = async (): Promise<readonly string[]> => {
    if (known.length === 0) {
      // An agent that learns of its public endpoint begins again, and is silent for a moment.
      const probe = async (): Promise<{ done: AgentStatus }> => ({ done: await status() })
      const { value } = await waitFor(`${host.name} knows its addresses`, probe, { timeoutMs: START_TIMEOUT_MS })
      known = value.addresses
        .map((address) => address.replace(/\/.*/, ''))
        .sort((a, b) => Number(a.includes(':')) - Number(b.includes(':')))
    }
    return known
  }
  return {
    name: host.name,
    host,
    state,
    cli: (asked) => host.exec(['holdfast', ...asked]),
    async join(url, token, labels) {
      const labelled = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`])
      const own = ['--name', host.name, ...labelled, ...(flags.join ?? [])]
      await host.exec(['holdfast', 'join', url, '--token', token, ...own])
    },
    launch: () => void launch(),
    runBy: (argv) => void (words = [...argv]),
    async start() {
      const started = launch()
      if (flags.alone === true) return void (await started.said(/relaying at UDP port/))
      const probe = async (): Promise<{ done: AgentStatus }> => ({ done: await status() })
      await waitFor(`${host.name}'s agent answers`, probe, { timeoutMs: START_TIMEOUT_MS, everyMs: 40 })
    },
    async end(signal) {
      const one = running
      running = undefined
      await one?.end(signal)
    },
    exited: () => running?.exited ?? Promise.resolve(undefined),
    async reboot() {
      running = undefined
      await host.powerOff()
      await host.boot()
    },
    status,
    paths: () => api().paths(),
    addresses,
    async address() {
      return (await addresses())[0] ?? ''
    },
  }
}
