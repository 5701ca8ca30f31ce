// The hub of the lab's fleet: one process on one host, driven by its own command line as a person would.

import type { CreatedToken, RollOut } from '../../cloud/hub.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Host, Running } from './host.ts'
import { patient } from './patience.ts'

const DATA = '/var/lib/holdfast-hub'
const START_TIMEOUT_MS = patient(20_000)

export interface LabHub {
  readonly host: Host
  /** How devices reach it. */
  readonly url: string
  isUp(): boolean
  start(): Promise<void>
  /** As a crash does: kill -9. */
  kill(): Promise<void>
  stop(): Promise<void>
  /** `holdfast-hub` with these words, on the hub's host. */
  cli(words: readonly string[], input?: string): Promise<string>
  /** Applies documents: YAML texts, or objects. */
  apply(...documents: readonly (string | object)[]): Promise<string>
  token(...words: readonly string[]): Promise<CreatedToken>
  rollOut(): Promise<RollOut>
}

export interface HubOptions {
  readonly host: Host
  readonly url: string
  /** Further words for `serve`. */
  readonly serve?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

function deadline(what: string): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new HoldfastError('failed', `${what} within ${START_TIMEOUT_MS / 1_000} s`))
    setTimeout(fail, START_TIMEOUT_MS).unref()
  })
}

export function createLabHub({ env = {}, host, url, serve = [] }: HubOptions): LabHub {
  let running: Running | undefined
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const one = running
    running = undefined
    await one?.end(signal)
  }
  const cli: LabHub['cli'] = (words, input) =>
    host.exec(['holdfast-hub', ...words], input === undefined ? {} : { input })
  return {
    host,
    url,
    isUp: () => running !== undefined,
    async start() {
      if (running !== undefined) return
      const set = Object.entries(env).map(([name, value]) => `${name}=${value}`)
      running = host.spawn(['env', ...set, 'holdfast-hub', 'serve', '--data', DATA, '--url', url, ...serve], 'hub')
      await Promise.race([running.said(/hub is up/), deadline('the hub did not come up')])
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    cli,
    apply: (...documents) =>
      cli(
        ['apply', '-f', '-'],
        documents.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n---\n'),
      ),
    token: async (...words) => JSON.parse(await cli(['token', 'create', '--json', ...words])) as CreatedToken,
    async rollOut() {
      const { networks } = JSON.parse(await cli(['status', '--json'])) as { networks: readonly RollOut[] }
      const first = networks[0]
      if (first === undefined) throw new HoldfastError('not-found', 'the hub has no network')
      return first
    },
  }
}
