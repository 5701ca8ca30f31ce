// Probes that people name, to be watched over each new revision: `tcp:10.0.0.5:502` answers if it takes a connection,
// `ping:plc.site.example` if it answers ICMP echo.

import { connect, isIPv6 } from 'node:net'
import { HoldfastError } from '../../shared/errors.ts'
import type { RunCommand } from './command.ts'

export type ProbeTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'ping'; readonly host: string }

const TIMEOUT_S = 2
/** A name or an address; nothing that a program could take for one of its options. */
const HOST = /^[a-zA-Z0-9][a-zA-Z0-9.-]{0,252}$/

function hostIn(word: string): string | undefined {
  const plain = /^\[(.*)\]$/.exec(word)?.[1] ?? word
  return HOST.test(plain) || isIPv6(plain) ? plain : undefined
}

/** Throws `invalid`. */
export function parseProbeTarget(text: string): ProbeTarget {
  const [, kind, rest = ''] = /^(tcp|ping):(.+)$/.exec(text) ?? []
  const [, word = '', digits] = (kind === 'tcp' ? /^(.+):(\d{1,5})$/ : /^(.+)$/).exec(rest) ?? []
  const host = hostIn(word)
  const port = Number(digits ?? 0)
  if (host !== undefined && kind === 'ping') return { kind, host }
  if (host !== undefined && kind === 'tcp' && port >= 1 && port <= 65_535) return { kind, host, port }
  throw new HoldfastError('invalid', `"${text.slice(0, 80)}" is not a probe`, {
    remedy: 'Write it like tcp:10.0.0.5:502 or ping:10.0.0.1.',
  })
}

/** How a TCP port takes a connection within two seconds. */
export function knock(host: string, port: number): Promise<'open' | 'refused' | 'silent'> {
  const { promise, resolve } = Promise.withResolvers<'open' | 'refused' | 'silent'>()
  const socket = connect({ host, port, timeout: TIMEOUT_S * 1_000 })
  const end = (what: 'open' | 'refused' | 'silent'): void => {
    socket.destroy()
    resolve(what)
  }
  socket.once('connect', () => end('open'))
  socket.once('timeout', () => end('silent'))
  socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED' ? 'refused' : 'silent'))
  return promise
}

async function ping(host: string, run: RunCommand): Promise<boolean> {
  try {
    await run(['ping', '-n', '-q', '-c', '1', '-W', String(TIMEOUT_S), host])
    return true
  } catch {
    return false
  }
}

export async function askTarget(target: ProbeTarget, run: RunCommand): Promise<boolean> {
  return target.kind === 'ping' ? await ping(target.host, run) : (await knock(target.host, target.port)) === 'open'
}
