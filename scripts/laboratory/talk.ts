// A server and a client for TCP and UDP, run inside hosts of the lab: what a policy lets through is asked of real packets.
//
//   talk.ts serve tcp|udp PORT              answers everyone with the address and the port they come from
//   talk.ts ask tcp|udp ADDRESS PORT FROM MS
//                                           prints the answer; exits with 1 where none comes in time. FROM: a port of its own,
//                                           for UDP; 0 is any
//   talk.ts look-up SERVER NAME             prints what the resolver at SERVER, an endpoint, knows of a name, an address, or the
//                                           name of a port, in order

import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { createConnection, createServer, isIP, isIPv6 } from 'node:net'

function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}

function serve(protocol: string, port: number): void {
  const ready = (): void => void process.stdout.write('serving\n')
  if (protocol === 'tcp') {
    createServer((socket) => {
      socket.on('error', () => undefined)
      socket.end(`${plain(socket.remoteAddress)} ${socket.remotePort}`)
    }).listen(port, '::', ready)
    return
  }
  const socket = createSocket({ type: 'udp6', ipv6Only: false })
  socket.on('message', (_, from) => socket.send(`${plain(from.address)} ${from.port}`, from.port, from.address))
  socket.bind(port, '::', ready)
}

async function lookUp(server: string, name: string): Promise<void> {
  const resolver = new Resolver()
  resolver.setServers([server])
  const servers = async (): Promise<string[]> =>
    (await resolver.resolveSrv(name)).map(({ name: target, port }) => `${target}:${port}`)
  const forward = name.startsWith('_') ? servers : async () => resolver.resolve4(name)
  const found = await (isIP(name) === 0 ? forward() : resolver.reverse(name))
  process.stdout.write(`${found.sort().join(' ')}\n`)
}

function ask(protocol: string, address: string, port: number, from: number, patienceMs: number): void {
  const give = (answer: string | undefined): void => {
    if (answer !== undefined) process.stdout.write(`${answer}\n`)
    process.exit(answer === undefined ? 1 : 0)
  }
  setTimeout(() => give(undefined), patienceMs)
  if (protocol === 'tcp') {
    const socket = createConnection({ host: address, port })
    socket.setEncoding('utf8').on('data', (text: string) => give(text))
    socket.on('error', () => give(undefined))
    return
  }
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  socket.on('message', (message) => give(message.toString()))
  socket.on('error', () => give(undefined))
  socket.bind(from, () => socket.send('?', port, address))
}

const [verb, first = '', ...words] = process.argv.slice(2)
if (verb === 'serve') serve(first, Number(words[0]))
else if (verb === 'look-up') await lookUp(first, words[0] ?? '')
else ask(first, words[0] ?? '', Number(words[1]), Number(words[2]), Number(words[3]))
