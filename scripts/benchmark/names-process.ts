// The resolver of an agent alone: names of so many nodes, without the bound on what a device answers in a second.
//
// Usage: node names-process.ts ADDRESS PORT COUNT DOMAIN

import { createNameServer } from '../../edge/drivers/name-server.ts'
import { respond } from '../../edge/names/wire.ts'
import { zoneOf } from '../../edge/names/zone.ts'
import { addressAt, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { createLog } from '../../shared/host/log.ts'
import { fakeRecords, fakeWgKey } from '../../shared/record/parsed.fake.ts'

const [address = '', port = '', count = '', dnsDomain = ''] = process.argv.slice(2)
const cidr = parseCidr('10.77.0.0/16')
const nodes = Array.from({ length: Number(count) }, (_, at) => {
  return { name: `n${at}`, wgKey: fakeWgKey(7), addresses: [addressAt(cidr, BigInt(at + 2))] }
})
const zone = zoneOf(fakeRecords({ network: { cidr, dnsDomain }, nodes }), 1)
const log = createLog({ level: 'error', format: 'text', now: () => 0 })
const server = createNameServer({
  port: Number(port),
  log,
  answer: async (question, transport) => respond(zone, question, transport),
})
await server.follow([parseAddress(address)])
setInterval(() => undefined, 60_000)
process.stdout.write('listening\n')
