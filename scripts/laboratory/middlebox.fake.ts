// A proxy between a browser and a hub, as companies put them there: it passes on, holds streams back, cuts them, or goes silent.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createFakeAuthority } from '../../shared/host/certificates.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'

const DAY_MS = 86_400_000

/**
 * `torn`: each stream of events is cut within its next event. `held`: they are taken, and kept. `silent`: nothing is passed on
 * any more, of what is under way too.
 */
export type Manner = 'passes' | 'torn' | 'held' | 'silent'

export interface Middlebox {
  readonly url: string
  manner: Manner
  /** Requests that it passed on since, by their paths. */
  readonly passed: string[]
  /** Ends of streams that it brought about itself. */
  torn(): number
  close(): Promise<void>
}

export async function placeMiddlebox(hub: string): Promise<Middlebox> {
  const now = systemClock.now()
  const issued = createFakeAuthority('Company', now - DAY_MS).issue({
    name: '127.0.0.1',
    from: now - DAY_MS,
    to: now + DAY_MS,
  })
  const passed: string[] = []
  let tears = 0

  const isStream = (path: string): boolean => path.split('?')[0] === '/api/v1/events'

  const bring = (answer: IncomingMessage, response: ServerResponse, path: string): void => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    response.flushHeaders()
    answer.on('data', (piece: Buffer) => {
      if (box.manner === 'silent' || (box.manner === 'held' && isStream(path))) return
      const at = isStream(path) && box.manner === 'torn' ? piece.indexOf('data: ') : -1
      if (at < 0) return void response.write(piece)
      tears += 1
      response.write(piece.subarray(0, at + 12), () => response.destroy())
    })
    answer.on('end', () => void (box.manner === 'silent' || response.end()))
    answer.on('error', () => response.destroy())
  }

  const serve = (asked: IncomingMessage, response: ServerResponse): void => {
    const path = asked.url ?? '/'
    // Taken, as a cable takes it that ends somewhere.
    if (box.manner === 'silent') return
    passed.push(path.split('?')[0] ?? path)
    // The name that was asked for stays: a hub compares it with where a page says that it is from.
    const options = { method: asked.method ?? 'GET', headers: asked.headers, rejectUnauthorized: false }
    const onward = request(new URL(path, hub), options, (answer) => bring(answer, response, path))
    onward.on('error', () => response.destroy())
    response.once('close', () => onward.destroy())
    asked.pipe(onward)
  }

  const server: Server = createServer({ key: issued.key, cert: issued.cert }, serve)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const box: Middlebox = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    manner: 'passes',
    passed,
    torn: () => tears,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return box
}
