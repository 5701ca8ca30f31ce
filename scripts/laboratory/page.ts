// A web page that says which device serves it: something to reach, or not to reach, in the fleet that `up` runs.

import { createServer } from 'node:http'
import { hostname } from 'node:os'

createServer((request, response) => {
  const from = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  response.end(`${hostname()} greets ${from}\n`)
}).listen(8_080, '::', () => void process.stdout.write('serving\n'))
