// The API of a cluster over HTTP: one connection for each question, for there are few of them.

import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import type { Clock, Timer } from '../../shared/effects.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { clusterAnswerBytesMax, clusterEventBytesMax } from '../../shared/pod-limits.ts'
import type { ClusterAnswer, ClusterDoor } from '../pods/doors.ts'

export interface ClusterPlace {
  readonly url: URL
  readonly ca?: string
  readonly serverName?: string
  readonly token?: string
  readonly cert?: string
  readonly key?: string
}

/** So long nothing may come of an answer. */
const ANSWER_MS = 30_000
/** Of a refusal as many bytes are read. */
const REFUSAL_BYTES_MAX = 64 << 10

/** Node's names for a certificate that does not prove what it should. */
const UNPROVEN = /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/

function faultOf(error: unknown, place: string): HoldfastError {
  if (isHoldfastError(error)) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  if (!UNPROVEN.test(code)) {
    return new HoldfastError('unreachable', `the API server at ${place} is not reached: ${message}`, { cause: error })
  }
  return new HoldfastError('untrusted', `the API server at ${place} could not prove who it is: ${message}`, {
    remedy: 'Name a kubeconfig with its certificate-authority-data.',
    cause: error,
  })
}

function optionsOf({ ca, cert, key, serverName, token, url }: ClusterPlace, path: string): RequestOptions & object {
  return {
    agent: false,
    host: url.hostname.replaceAll(/[[\]]/g, ''),
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    path: `${url.pathname.replace(/\/$/, '')}${path}`,
    headers: {
      accept: 'application/json',
      'user-agent': 'holdfast',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}

interface Reading {
  /** Asked again with each part; nothing may be silent for longer. */
  readonly silenceMs: () => number
  /** Takes each part of an answer with status 200; without it, its whole body is gathered. */
  readonly onPart?: (part: string) => void
  readonly onOpen?: () => void
}

/** `place` is read for each question. */
export function createClusterDoor(place: () => Promise<ClusterPlace>, clock: Pick<Clock, 'after'>): ClusterDoor {
  const open = new Set<() => void>()

  const ask = async (path: string, { onOpen, onPart, silenceMs }: Reading): Promise<ClusterAnswer> => {
    const at = await place()
    const ending = new AbortController()
    const end = (): void => ending.abort(new HoldfastError('unreachable', 'the agent stops'))
    open.add(end)
    let timer: Timer | undefined
    const heard = (ms: number): void => {
      timer?.cancel()
      const late = (): void =>
        ending.abort(
          new HoldfastError('unreachable', `nothing came of the API server at ${at.url.host} for ${ms / 1_000} s`),
        )
      timer = clock.after(ms, late)
    }
    try {
      heard(ANSWER_MS)
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const send = at.url.protocol === 'https:' ? requestSecure : requestPlain
        const outgoing = send({ ...optionsOf(at, path), signal: ending.signal }, resolve)
        outgoing.once('error', reject)
        outgoing.end()
      })
      heard(silenceMs())
      const status = response.statusCode ?? 0
      if (status === 200) onOpen?.()
      const parts: string[] = []
      let length = 0
      for await (const part of response.setEncoding('utf8') as AsyncIterable<string>) {
        heard(silenceMs())
        if (status === 200 && onPart !== undefined) {
          onPart(part)
          continue
        }
        length += part.length
        if (length > (status === 200 ? clusterAnswerBytesMax : REFUSAL_BYTES_MAX)) {
          throw new HoldfastError(
            'too-large',
            `an answer of the API server has more than ${length - part.length} bytes`,
          )
        }
        parts.push(part)
      }
      const after = Number(response.headers['retry-after'])
      return { status, body: parts.join(''), ...(after > 0 ? { retryAfterS: after } : {}) }
    } catch (error) {
      throw faultOf(ending.signal.aborted ? ending.signal.reason : error, at.url.host)
    } finally {
      timer?.cancel()
      open.delete(end)
    }
  }

  return {
    get: (path) => ask(path, { silenceMs: () => ANSWER_MS }),
    watch(path, { onLine, onOpen, silenceMs }) {
      let rest = ''
      const onPart = (part: string): void => {
        const lines = `${rest}${part}`.split('\n')
        rest = lines.pop() ?? ''
        if (rest.length > clusterEventBytesMax)
          throw new HoldfastError('too-large', 'an event of the API server has no end')
        for (const line of lines) onLine(line)
      }
      const ended = ask(path, { onOpen, onPart, silenceMs }).then((answer) =>
        answer.status === 200 ? undefined : answer,
      )
      return { ended }
    },
    close() {
      for (const end of open) end()
    },
  }
}
