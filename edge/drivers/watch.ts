// Words from the kernel: `ip monitor` and `nft monitor` run beside the agent and say when something changes.
//
// They end with the agent, however it ends: where there is `setpriv` (util-linux), the kernel kills them with their parent.
// Elsewhere they outlive a killed agent until the kernel's next word, which they can no longer pass on.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Clock, Log, Timer } from '../../shared/effects.ts'
import type { KernelWord } from './driver.ts'
import type { Namespace } from './namespace.ts'

interface Source {
  readonly program: string
  readonly words: readonly string[]
  readonly wordOf: (line: string) => KernelWord | undefined
}

/** prctl(2), PR_SET_PDEATHSIG. */
const WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL', '--'] as const

const RESTART_MS_MIN = 1_000
const RESTART_MS_MAX = 60_000
/** They don't say when they begin to listen; by then the slowest machine's does. */
const LISTENS_AFTER_MS = 5_000

interface Monitor {
  /** Monotonic ms: all that changed from then on was told, and nothing was. Undefined while it doesn't run. */
  silentSince(): number | undefined
  stop(): void
}

/** `ip`: links, addresses, rules, own routes and ways out. `nft`: the own table. */
export interface KernelWatch {
  readonly silentSince: Readonly<Record<'ip' | 'nft', () => number | undefined>>
  stop(): void
}

function listen(source: Source, wake: (word: KernelWord) => void, clock: Clock, log: Log): Monitor {
  let silent: number | undefined
  let child: ChildProcess | undefined
  let timer: Timer | undefined
  let delayMs = RESTART_MS_MIN
  let stopped = false
  /** False once a start by way of setpriv came to nothing: it may lack, or not know the option. */
  let guarded = true

  const start = (): void => {
    if (stopped) return
    const began = clock.monotonic()
    const [program = '', ...args] = [...(guarded ? WITH_PARENT : []), ...source.words]
    const running = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    child = running
    silent = began + LISTENS_AFTER_MS
    running.unref()
    const hear = (word: KernelWord | undefined): void => {
      if (word === undefined) return
      if (silent !== undefined) silent = Math.max(silent, clock.monotonic())
      wake(word)
    }
    createInterface({ input: running.stdout }).on('line', (line) => hear(source.wordOf(line)))
    // Whatever it complains of, words may have got lost: the kernel's buffer for them is small.
    createInterface({ input: running.stderr }).on('line', () => hear('changed'))
    let ended = false
    const again = (): void => {
      if (ended || stopped) return
      ended = true
      silent = undefined
      const lastedMs = clock.monotonic() - began
      if (lastedMs < RESTART_MS_MIN) guarded = false
      // The regular turns go on meanwhile; only the quick reaction is lost.
      delayMs = lastedMs > RESTART_MS_MAX ? RESTART_MS_MIN : Math.min(delayMs * 2, RESTART_MS_MAX)
      log.debug('a kernel monitor ended', { program: source.program, again_in_ms: delayMs })
      timer = clock.after(delayMs, start)
    }
    running.once('error', again)
    running.once('close', again)
  }

  start()
  return {
    silentSince: () => silent,
    stop() {
      stopped = true
      silent = undefined
      timer?.cancel()
      child?.kill('SIGKILL')
    },
  }
}

const IP_WORDS = ['-o', 'monitor', 'label', 'link', 'address', 'route', 'rule']

function bothSilent(one: Monitor, other: Monitor | undefined): number | undefined {
  const [a, b] = [one.silentSince(), other === undefined ? Number.NEGATIVE_INFINITY : other.silentSince()]
  return a === undefined || b === undefined ? undefined : Math.max(a, b)
}

/** What a line of `ip -o monitor` is about; undefined for others' business. `name`: the own interface. */
export function ipWord(line: string, name: string): KernelWord | undefined {
  const isRoute = line.startsWith('[ROUTE]')
  if (isRoute && line.includes('default') && !line.includes(`dev ${name} `)) {
    return line.startsWith('[ROUTE]Deleted') ? 'changed' : 'way-out'
  }
  return !isRoute || line.includes(`dev ${name} `) ? 'changed' : undefined
}

/** What a line of `nft monitor` is about, one that tells of lost ones included. */
export function nftWord(line: string, table: string): KernelWord | undefined {
  return line.includes(` ${table}`) || line.startsWith('# ERROR') ? 'changed' : undefined
}

/** Calls `wake` for changes of links, addresses, rules, own routes and the own table, until it is stopped. */
export function watchKernel(
  name: string,
  table: string,
  wake: (word: KernelWord) => void,
  clock: Clock,
  log: Log,
  inside?: Pick<Namespace, 'name' | 'words'>,
): KernelWatch {
  const words: Namespace['words'] = inside?.words ?? ((program, args) => [program, ...args])
  const ip: Source = {
    program: 'ip',
    words: words('ip', IP_WORDS),
    wordOf: (line) => ipWord(line, name),
  }
  const nft: Source = {
    program: 'nft',
    words: words('nft', ['monitor']),
    wordOf: (line) => nftWord(line, table),
  }
  const monitors = { ip: listen(ip, wake, clock, log), nft: listen(nft, wake, clock, log) }
  // Ways out, and where this host can be met, are outside all the same.
  const apart = inside?.name === undefined ? undefined : listen({ ...ip, words: ['ip', ...IP_WORDS] }, wake, clock, log)
  return {
    silentSince: { ip: () => bothSilent(monitors.ip, apart), nft: () => monitors.nft.silentSince() },
    stop() {
      monitors.ip.stop()
      monitors.nft.stop()
      apart?.stop()
    },
  }
}
