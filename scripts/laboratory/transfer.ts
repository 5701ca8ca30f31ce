// A TCP transfer that runs while something happens to its path, and what it suffered by it.

import { join } from 'node:path'
import type { Host, Running } from './host.ts'
import { Unmet } from './unmet.ts'

const PROGRAM = join(import.meta.dirname, 'bulk.ts')
/** TCP gives up a dead connection after a quarter of an hour; nobody here waits so long for its last bytes. */
const LAST_BYTES_MS = 30_000

export interface TransferReport {
  readonly bytes: number
  /** Pauses of the receiver, in order. */
  readonly pausesMs: readonly number[]
}

export interface Transfer {
  /** The longest pause since this was asked last. */
  worstPauseMs(): number
  /** Ends the stream; throws where one byte is missing or another. */
  finish(): Promise<TransferReport>
}

async function within<T>(what: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Unmet(what, `nothing within ${LAST_BYTES_MS / 1_000} s`)),
    LAST_BYTES_MS,
  )
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

export async function startTransfer(
  from: Host,
  to: Host,
  {
    address,
    bytesPerSecond,
    port,
  }: { readonly address: string; readonly port: number; readonly bytesPerSecond: number },
): Promise<Transfer> {
  const pausesMs: number[] = []
  let told = 0
  const receiver: Running = to.spawn([process.execPath, PROGRAM, 'receive', String(port)], 'bulk', (line) => {
    const [word, ms] = line.split(' ')
    if (word === 'pause') pausesMs.push(Number(ms))
  })
  await within('the receiver listens', receiver.said(/^serving/))
  const words = ['send', address, String(port), String(bytesPerSecond)]
  const sender: Running = from.spawn([process.execPath, PROGRAM, ...words], 'bulk')
  await within('the transfer begins', sender.said(/^sending/))
  return {
    worstPauseMs() {
      const fresh = pausesMs.slice(told)
      told = pausesMs.length
      return Math.max(0, ...fresh)
    },
    async finish() {
      const ends = Promise.all([sender.said(/^(?:sent|broken) /), receiver.said(/^(?:received|broken) /)])
      const ended = sender.end('SIGTERM')
      const [sent, received] = await within('the last bytes arrive', ends)
      await ended
      const [, bytes = '', sum] = sent.split(' ')
      if (received !== `received ${bytes} ${sum}`) throw new Unmet(sent, received)
      return { bytes: Number(bytes), pausesMs }
    },
  }
}
