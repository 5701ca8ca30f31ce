// What services of the lab are made of, run inside its hosts: who serves says its name, and says back what it hears.
//
//   shop.ts serve NAME PORT            serves by TCP until the host is switched off, or it is killed
//   shop.ts visit ADDRESS PORT TIMES   asks so often, one after the other; prints who answered each time, or why nobody did
//   shop.ts stay ADDRESS PORT          prints who answered, then a dot for each word that comes back, and why it ended
//   shop.ts find SERVER NAME           prints addresses, ports and the name of the first address as the resolver knows them

import { Resolver } from 'node:dns/promises'
import { createConnection, createServer, type Socket } from 'node:net'

const SAY_EVERY_MS = 50
/** No answer in this time is none, with retransmissions on a busy machine. */
const PATIENCE_MS = 10_000

function serve(name: string, port: number): void {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(`${name}\n`)
    socket.on('data', (words) => void socket.write(words))
  })
  server.listen(port, '::', () => void process.stdout.write('serving\n'))
}

/** Calls back with lines, then with why there are no more. */
function talk(address: string, port: number, onLine: (line: string, socket: Socket) => void): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = createConnection({ host: address, port })
  let text = ''
  socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  socket.setEncoding('utf8').on('data', (more: string) => {
    text += more
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
      const line = text.slice(0, end)
      text = text.slice(end + 1)
      onLine(line, socket)
    }
  })
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  socket.on('close', () => resolve('silence'))
  return promise
}

async function visit(address: string, port: number, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    let who: string | undefined
    const why = await talk(address, port, (line, socket) => {
      who = line
      socket.destroy()
    })
    process.stdout.write(`${who ?? why}\n`)
  }
}

async function stay(address: string, port: number): Promise<void> {
  let met = false
  const why = await talk(address, port, (line, socket) => {
    process.stdout.write(met ? '.\n' : `${line}\n`)
    met = true
    setTimeout(() => void socket.write('?\n'), SAY_EVERY_MS)
  })
  process.stdout.write(`${why}\n`)
}

async function find(server: string, name: string): Promise<void> {
  const resolver = new Resolver()
  resolver.setServers([server])
  const [address = ''] = await resolver.resolve4(name)
  const [port] = await resolver.resolveSrv(`_http._tcp.${name}`)
  const names = await resolver.reverse(address)
  process.stdout.write(`${address} ${port?.port ?? 0} ${names.join(' ')}\n`)
}

const [verb, first = '', second = '', third = ''] = process.argv.slice(2)
if (verb === 'serve') serve(first, Number(second))
else if (verb === 'visit') await visit(first, Number(second), Number(third))
else if (verb === 'stay') await stay(first, Number(second))
else await find(first, second)
