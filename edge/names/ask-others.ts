// Asks other name servers: one that does not answer costs a fraction of a second, and all of them not much more.

import type { Clock, Timer } from '../../shared/effects.ts'
import { nameAskedAtOnceMax } from '../../shared/name-limits.ts'
import type { NameAsker, NameServerAt } from './doors.ts'
import type { Transport } from './question.ts'

/** Resolves with what one of them said; undefined where none did in time. Never rejects. */
export type AskOthers = (
  servers: readonly NameServerAt[],
  question: Uint8Array,
  transport: Transport,
) => Promise<Buffer | undefined>

/** A server through the mesh has answered by then; else the next one is asked besides. */
const NEXT_MS = 400
/** Libc has long asked another by then. */
const ALL_MS = 2_500
const SERVFAIL = 2
const REFUSED = 5

function isWord(bytes: Buffer): boolean {
  const rcode = (bytes[3] ?? 0) & 0x0f
  return rcode !== SERVFAIL && rcode !== REFUSED
}

/** Who answered last is asked first. */
export function createAskOthers(ask: NameAsker, clock: Clock): AskOthers {
  let asking = 0
  let best: string | undefined

  const race = (
    servers: readonly NameServerAt[],
    question: Uint8Array,
    transport: Transport,
  ): Promise<Buffer | undefined> => {
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
    const abort = new AbortController()
    let [next, open] = [0, 0]
    let poor: Buffer | undefined
    let timer: Timer | undefined
    const end = (word: Buffer | undefined): void => {
      timer?.cancel()
      whole.cancel()
      abort.abort()
      resolve(word)
    }
    const whole = clock.after(ALL_MS, () => end(poor))
    const begin = (): void => {
      timer?.cancel()
      const server = servers[next++]
      if (server === undefined) {
        if (open === 0) end(poor)
        return
      }
      open += 1
      timer = clock.after(NEXT_MS, begin)
      void put(server)
    }
    const put = async (server: NameServerAt): Promise<void> => {
      const bytes = await ask(server, question, transport, abort.signal).catch(() => undefined)
      open -= 1
      if (abort.signal.aborted) return
      if (bytes !== undefined && isWord(bytes)) {
        best = server.host
        return end(bytes)
      }
      poor ??= bytes
      begin()
    }
    begin()
    return promise
  }

  return async (servers, question, transport) => {
    if (asking >= nameAskedAtOnceMax || servers.length === 0) return undefined
    asking += 1
    try {
      const [first, rest] = [servers.filter(({ host }) => host === best), servers.filter(({ host }) => host !== best)]
      return await race([...first, ...rest], question, transport)
    } finally {
      asking -= 1
    }
  }
}
