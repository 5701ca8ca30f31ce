// Pages of the lab, run inside its hosts: who serves says its name, what was asked of it, for whom, and of which tenant where
// a gateway says so.
//
//   web.ts serve NAME PORT...          serves at these ports until the host is switched off
//   web.ts ask ADDRESS PORT URL...     asks for each on one connection; prints the status and what was said, in a line each

import { Agent, createServer, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

/** No answer in this time is none, with retransmissions on a busy machine. */
const PATIENCE_MS = 10_000

async function serve(name: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = createServer(({ headers, url = '' }, response) => {
      const tenant = headers['x-tenant'] === undefined ? '' : ` of ${String(headers['x-tenant'])}`
      response.end(`${name} ${port} ${url} for ${String(headers['x-forwarded-for'])}${tenant}`)
    })
    await new Promise<void>((go) => server.listen(port, '::', go))
  }
  process.stdout.write('serving\n')
}

async function ask(host: string, port: number, urls: readonly string[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (const url of urls.map((one) => new URL(one))) {
    const { promise, reject, resolve } = Promise.withResolvers<IncomingMessage>()
    const about = {
      agent,
      host,
      port,
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host },
      timeout: PATIENCE_MS,
    }
    const asking = request(about, resolve).on('error', reject)
    asking.on('timeout', () => asking.destroy())
    asking.end()
    const answer = await promise
    const kept = asking.reusedSocket ? 'again' : 'anew'
    process.stdout.write(`${kept} ${answer.statusCode ?? 0} ${(await text(answer)).trim()}\n`)
  }
  agent.destroy()
}

const [verb, first = '', ...rest] = process.argv.slice(2)
if (verb === 'serve') await serve(first, rest.map(Number))
else await ask(first, Number(rest[0]), rest.slice(1))
