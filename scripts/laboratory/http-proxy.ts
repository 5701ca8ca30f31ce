// A proxy that lets CONNECT to port 443 through and nothing else, as company networks have: `http-proxy.ts ADDRESS PORT`.

import { connect, createServer, type Socket } from 'node:net'

const HEAD_MAX = 4_096

/** Destination of a CONNECT; undefined for anything else, or where it is not port 443. */
function wanted(head: string): string | undefined {
  return /^CONNECT (\S+):443 HTTP\/1\.1\r\n/.exec(head)?.[1]
}

function serve(client: Socket): void {
  let head = ''
  client.on('error', () => client.destroy())
  const onData = (part: Buffer): void => {
    head += part.toString('latin1')
    if (head.length > HEAD_MAX) return void client.destroy()
    if (!head.includes('\r\n\r\n')) return
    client.removeListener('data', onData)
    const host = wanted(head)
    process.stdout.write(`${client.remoteAddress} ${head.split('\r\n')[0]}\n`)
    if (host === undefined) return void client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
    const onward = connect({ host, port: 443 })
    onward.on('error', () => client.destroy())
    onward.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      client.pipe(onward)
      onward.pipe(client)
    })
    onward.once('close', () => client.destroy())
    client.once('close', () => onward.destroy())
  }
  client.on('data', onData)
}

const [address = '0.0.0.0', port = '3128'] = process.argv.slice(2)
createServer(serve).listen(Number(port), address, () => process.stdout.write('the proxy listens\n'))
