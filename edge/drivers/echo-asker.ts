// Echoes through the mesh by `holdfast-bpf echo ask`: one process for all of them, started with the first, and again where it
// ended.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { Echo, Echoes } from '../routers/echoes.ts'
import type { Namespace } from './namespace.ts'

interface AskerOptions {
  /** holdfast-bpf. */
  readonly program: string
  /** Of the mesh: nothing goes out anywhere else. */
  readonly interface: string
  readonly clock: Clock
  readonly log: Log
  readonly onAnswer: (echo: Echo) => void
  /** How a program is started where the mesh is; just so where absent. */
  readonly words?: Namespace['words']
}

/** The interface may be on its way, or away for good. */
const AGAIN_MS = 2_000
const ANSWER = /^([0-9a-f.:]+) (\d{1,5}) (\d{1,5})$/

export function createEchoAsker(options: AskerOptions): Echoes {
  const { clock, interface: name, log, onAnswer, program, words = (own, args) => [own, ...args] } = options
  let child: ChildProcess | undefined
  let endedAt = Number.NEGATIVE_INFINITY
  let closed = false

  const hear = (line: string): void => {
    const [, at = '', id, seq] = ANSWER.exec(line) ?? []
    try {
      onAnswer({ at: parseAddress(at), id: Number(id), seq: Number(seq) })
    } catch (error) {
      log.debug('an echo is not understood', { line: line.slice(0, 80), reason: describeError(error) })
    }
  }

  const end = (of: ChildProcess, why: string): void => {
    if (child !== of) return
    child = undefined
    endedAt = clock.monotonic()
    if (!closed) log.debug('routers can’t be asked for a moment', { reason: why })
  }

  const start = (): ChildProcess | undefined => {
    if (closed || clock.monotonic() - endedAt < AGAIN_MS) return undefined
    const [first, ...args] = words(program, ['echo', 'ask', name])
    const started = spawn(first, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    let complaint = ''
    started.stdin.on('error', () => undefined)
    started.stderr.on('data', (part: Buffer) => {
      complaint = (complaint + part.toString()).slice(0, 200)
    })
    createInterface({ input: started.stdout }).on('line', hear)
    started.once('error', (error) => end(started, error.message))
    started.once('close', (code, signal) => end(started, complaint.trim() || `it ended by ${signal ?? code}`))
    return started
  }

  return {
    ask({ at, id, seq }) {
      child ??= start()
      // Whatever waits there has waited too long to prove anything.
      if (child?.stdin?.writableNeedDrain === false) child.stdin.write(`${at} ${id} ${seq}\n`)
    },
    close() {
      closed = true
      // It ends with its input, whatever becomes of this process.
      child?.stdin?.end()
    },
  }
}
