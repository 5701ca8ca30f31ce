// An HTTP server on a host of the lab whose large answers break off, until it is told to mend.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from './host.ts'

const PORT = 8_000
/** Of one answer, before the connection dies. */
const TORN_BYTES = 4 << 20

/** Runs on the host: no types, and nothing but Node. */
const SERVER = `
const { createServer } = require('node:http')
const { createReadStream, existsSync, statSync } = require('node:fs')
const [, directory, mended, tornBytes] = process.argv
createServer((request, response) => {
  const path = directory + request.url
  if (!existsSync(path)) return response.writeHead(404).end()
  const size = statSync(path).size
  const from = Number(/^bytes=(\\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  if (from > 0) console.log('resumed at ' + from)
  if (from >= size) return response.writeHead(416).end()
  const head = { 'content-length': size - from, 'accept-ranges': 'bytes' }
  if (from > 0) response.writeHead(206, { ...head, 'content-range': \`bytes \${from}-\${size - 1}/\${size}\` })
  else response.writeHead(200, head)
  const torn = !existsSync(mended) && size - from > Number(tornBytes)
  const file = createReadStream(path, { start: from, ...(torn ? { end: from + Number(tornBytes) - 1 } : {}) })
  file.pipe(response, { end: !torn })
  if (torn) file.once('end', () => setTimeout(() => response.destroy(), 100))
}).listen(${PORT}, '0.0.0.0', () => console.log('serving'))
`

export interface TornServer {
  readonly url: string
  /** From now on answers come whole. */
  mend(): void
  /** Somebody asked for the rest of a file. */
  resumed(): boolean
  end(): Promise<void>
}

export async function serveTorn(host: Host, directory: string, address: string): Promise<TornServer> {
  const mark = join(host.lib, 'torn')
  mkdirSync(mark)
  let resumed = false
  const words = [process.execPath, '-e', SERVER, directory, '/var/lib/torn/mended', String(TORN_BYTES)]
  const running = host.spawn(words, 'server', (line) => {
    if (line.startsWith('resumed')) resumed = true
  })
  await running.said(/serving/)
  return {
    url: `http://${address}:${PORT}`,
    mend: () => writeFileSync(join(mark, 'mended'), ''),
    resumed: () => resumed,
    end: () => running.end('SIGTERM'),
  }
}
