// Names of services that have no address, as the DNS specification of the multi-cluster services API has them: all who are ready,
// each by itself, and where its ports are.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { type NodeId, parseName } from '../../shared/ids.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import type { Backend } from '../services/backend.ts'
import { answer } from './answer.ts'
import type { Answering } from './pod-names.ts'
import { zoneOf } from './zone.ts'

const exported = (cluster: string) => ({
  ports: [{ port: 5432, name: 'sql', targetPort: 'sql' }, { port: 53, protocol: 'UDP', name: 'dns' }, { port: 9 }],
  backends: {},
  pods: { namespace: 'shop', podSelector: {} },
  headless: true,
  export: { cluster, namespace: 'shop', service: 'db' },
})
const records = fakeRecords({
  network: { dnsDomain: 'mesh.example' },
  nodes: [],
  services: { north: exported('north'), south: exported('south') },
})
/** The hub gives them none. */
const services = records.services.map((one) => ({ ...one, addresses: [] }))

function pod(addresses: readonly string[], host?: string, subdomain = 'db', port = 5_432): Backend {
  const called = host === undefined ? {} : { host: { name: parseName(host), subdomain: parseName(subdomain) } }
  return {
    name: 'shop/any',
    node: 'baaaaaaaaaaaaaaa' as NodeId,
    addresses: addresses.map(parseAddress),
    here: false,
    drains: false,
    ready: true,
    ports: [{ protocol: 'TCP', port: 5_432, targetPort: port }],
    probe: undefined,
    ...called,
  }
}

const both: Answering = new Map([
  [parseName('north'), [pod(['10.42.1.7', 'fd42::7'], 'db-0'), pod(['10.42.1.8'], 'db-1', 'other')]],
  [parseName('south'), [pod(['10.42.2.7'], 'db-0', 'db', 5_433)]],
])

function ask(name: string, type: string, { answering = both, turn = 0 } = {}): string {
  const zone = zoneOf({ ...records, services }, 7, answering)
  const { additional, answers, rcode } = answer(zone, { name, type, class: 'IN', turn })
  const wordsOf = (one: (typeof answers)[number]): string => {
    if (one.type === 'SOA') return ''
    return one.type === 'SRV' ? `${one.target}:${one.port}` : one.data
  }
  assert.ok(
    [...answers, ...additional].every(({ ttlS }) => ttlS <= 5),
    'a pod may be gone in a moment',
  )
  const more = additional.length === 0 ? '' : ` + ${additional.map(wordsOf).join()}`
  return `${rcode} ${answers.map(wordsOf).join()}${more}`
}

const WHOLE = 'db.shop.svc.clusterset.local'

test('it is answered with all who are ready, in whichever cluster, each the first in turn', () => {
  assert.is(ask(WHOLE, 'A'), 'NOERROR 10.42.1.7,10.42.1.8,10.42.2.7')
  assert.is(ask(WHOLE, 'AAAA'), 'NOERROR fd42::7')
  const firsts = [0, 1, 2, 3].map((turn) => ask(WHOLE, 'A', { turn }).split(/[ ,]/)[1])
  assert.equal(firsts, ['10.42.1.7', '10.42.1.8', '10.42.2.7', '10.42.1.7'])
})

test('who has a hostname is found by it below its cluster, and the same name elsewhere is another', () => {
  assert.is(ask(`db-0.north.${WHOLE}`, 'A'), 'NOERROR 10.42.1.7')
  assert.is(ask(`db-0.south.${WHOLE}`, 'A'), 'NOERROR 10.42.2.7')
  assert.is(ask(`DB-0.North.${WHOLE}`, 'AAAA'), 'NOERROR fd42::7')
  // It names another service as the one that it is below.
  assert.is(ask(`db-1.north.${WHOLE}`, 'A'), 'NXDOMAIN ')
  assert.is(ask(`10-42-1-8.north.${WHOLE}`, 'A'), 'NOERROR 10.42.1.8')
  assert.is(ask(`north.${WHOLE}`, 'A'), 'NOERROR ', 'a name in between')
  assert.is(ask(`db-0.${WHOLE}`, 'A'), 'NXDOMAIN ')
})

test('a port is where each of them has it', () => {
  const [one, two, three] = [`db-0.north.${WHOLE}`, `10-42-1-8.north.${WHOLE}`, `db-0.south.${WHOLE}`]
  const targets = `${one}:5432,${two}:5432,${three}:5433`
  assert.is(ask(`_sql._tcp.${WHOLE}`, 'SRV'), `NOERROR ${targets} + 10.42.1.7,fd42::7,10.42.1.8,10.42.2.7`)
  // Nobody has it, and its name is there.
  assert.is(ask(`_dns._udp.${WHOLE}`, 'SRV'), 'NOERROR ')
  assert.is(ask(`_dns._tcp.${WHOLE}`, 'SRV'), 'NXDOMAIN ')
})

test('where nobody is ready the name is there, and has nothing', () => {
  const answering: Answering = new Map()
  assert.is(ask(WHOLE, 'A', { answering }), 'NOERROR ')
  assert.is(ask(`db-0.north.${WHOLE}`, 'A', { answering }), 'NXDOMAIN ')
})

test('in the domain of the mesh it is known by the name of the service itself', () => {
  assert.is(ask('north.mesh.example', 'A'), 'NOERROR 10.42.1.7,10.42.1.8')
  assert.is(ask('db-0.south.svc.mesh.example', 'A'), 'NOERROR 10.42.2.7')
  assert.is(ask('_sql._tcp.south.mesh.example', 'SRV'), 'NOERROR db-0.south.mesh.example:5433 + 10.42.2.7')
})

test.run()
