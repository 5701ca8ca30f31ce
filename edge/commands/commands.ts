// Commands of the hub on their way through this device: verified, judged, carried out one at a time, answered.

import { sameBytes } from '../../shared/bytes.ts'
import {
  commandBytesMax,
  commandResultBytesMax,
  commandRunMsMax,
  commandsPerMinuteMax,
} from '../../shared/command-limits.ts'
import type { Clock, Log, Sha256, Signer, Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { NetworkId, NodeId } from '../../shared/ids.ts'
import type { TrustedKeys } from '../../shared/record/envelope.ts'
import { type Command, type CommandAnswer, openCommand, sealAnswer } from '../../shared/wire/command.ts'
import { Assembly, encodeChunks, parseChunk } from '../../shared/wire/sync.ts'
import type { CommandDoors } from './doors.ts'
import { judgeCommand } from './judge.ts'

export interface CommandsOptions {
  readonly clock: Clock
  readonly log: Log
  readonly sha256: Sha256
  readonly verify: Verify
  readonly inflate: (bytes: Uint8Array, bytesMax: number) => Uint8Array
  readonly doors: CommandDoors
  readonly network: NetworkId
  readonly self: NodeId
  readonly trusted: () => TrustedKeys
  /** By the key that the hub knows of this device. */
  readonly signer: Signer
  readonly journal: (event: string, detail: string) => void
  /** One chunk of an answer. */
  readonly send: (chunk: Uint8Array) => Promise<void>
}

export interface Commands {
  /** A chunk of kind `command`; `session`: what this device calls its present life. Throws where it is no command. */
  onReply(bytes: Uint8Array, session: string): void
  stop(): void
}

type Outcome = Pick<CommandAnswer, 'state' | 'code' | 'message' | 'remedy' | 'result'>

const nothing = new Uint8Array(0)
const MINUTE_MS = 60_000
const SENTENCE_MAX = 500

function failure(state: 'failed' | 'refused', error: unknown): Outcome {
  const { code, remedy } = error instanceof HoldfastError ? error : new HoldfastError('failed', '')
  const message = error instanceof Error ? error.message : String(error)
  return {
    state,
    code,
    message: message.slice(0, SENTENCE_MAX),
    ...(remedy === undefined ? {} : { remedy: remedy.slice(0, SENTENCE_MAX) }),
    result: nothing,
  }
}

export function createCommands(options: CommandsOptions): Commands {
  const { clock, doors, log, network, self, sha256 } = options
  let assembly: Assembly | undefined
  /** Of the session; a life of the agent has one. */
  let heard = { session: '', serial: 0 }
  let running: Command['kind'] | undefined
  let taken: number[] = []
  let stopped = false

  const answer = async ({ id }: Command, outcome: Outcome): Promise<void> => {
    if (stopped) return
    const frame = sealAnswer({ network, node: self, id, ...outcome }, options.signer, sha256)
    try {
      // One after the other: what a thin link has not taken yet does not pile up here.
      for (const chunk of encodeChunks('command', id, frame, sha256(frame))) await options.send(chunk)
    } catch (error) {
      log.warn('the answer to a command did not reach the hub', { id, reason: describeError(error) })
    }
  }

  const work = async (command: Command): Promise<Outcome> => {
    const late = Promise.withResolvers<never>()
    const timer = clock.after(commandRunMsMax, () =>
      late.reject(new HoldfastError('failed', `it was not done within ${commandRunMsMax / 1_000} s`)),
    )
    // Busy until it ends, even where nobody waits for it any more.
    const done = doors.run(command).finally(() => (running = undefined))
    try {
      const result = await Promise.race([done, late.promise])
      if (result.length <= commandResultBytesMax) return { state: 'done', result }
      throw new HoldfastError(
        'too-large',
        `the result has ${result.length} bytes, at most ${commandResultBytesMax} go`,
        {
          remedy: 'Make it on the device: `holdfast debug bundle`.',
        },
      )
    } catch (error) {
      done.catch(() => undefined)
      return failure('failed', error)
    } finally {
      timer.cancel()
    }
  }

  const isTooOften = (): boolean => {
    const now = clock.monotonic()
    taken = taken.filter((at) => now - at < MINUTE_MS)
    return taken.length >= commandsPerMinuteMax
  }

  const take = (command: Command, session: string): void => {
    const { id, kind, serial } = command
    const last = heard.session === session ? heard.serial : 0
    const place = { network, self, session, serial: last, kinds: doors.kinds, running }
    const verdict = judgeCommand(command, { ...place, isTooOften: isTooOften(), now: clock.now() })
    if (verdict.do === 'drop') return log.debug('a command of the hub was dropped', { id, why: verdict.why })
    heard = { session, serial }
    if (verdict.do === 'refuse') {
      const { code, message, remedy } = verdict
      options.journal('command-refused', `${kind}: ${message}`)
      return void answer(command, failure('refused', new HoldfastError(code, message, { remedy })))
    }
    taken.push(clock.monotonic())
    running = kind
    options.journal('command', kind === 'ping' && command.peer !== undefined ? `ping ${command.peer}` : kind)
    void work(command).then((outcome) => answer(command, outcome))
  }

  return {
    onReply(bytes, session) {
      const chunk = parseChunk(bytes)
      if (assembly === undefined || assembly.id !== chunk.id) assembly = new Assembly(chunk.id)
      const whole = assembly.add(chunk)
      if (whole === undefined) return
      assembly = undefined
      if (!sameBytes(sha256(whole.deflated), whole.hash))
        throw new HoldfastError('invalid', 'a command arrived damaged')
      const envelope = options.inflate(whole.deflated, commandBytesMax + 128)
      take(openCommand(envelope, options.trusted(), options.verify), session)
    },
    stop() {
      stopped = true
    },
  }
}
