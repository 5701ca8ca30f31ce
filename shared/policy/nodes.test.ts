// The checklist of semantics, line by line, as far as nodes alone show it: the oracle and the compiled table both say so.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../address/cidr.ts'
import { compileTable } from './compile.ts'
import type { Protocol } from './decision.ts'
import { judge } from './oracle.ts'
import { lookUp } from './table.ts'
import { endpointOf, fakeWorld } from './world.fake.ts'

interface Ask {
  readonly direction?: 'ingress' | 'egress'
  readonly protocol?: Protocol
}

/** TCP from `b` to `a` on port 80 unless said otherwise, judged by `a`: whether it passes. */
function ask(policies: Readonly<Record<string, object>>, asked: Ask = {}, network: object = {}): boolean {
  const world = fakeWorld({ network, policies })
  const { direction = 'ingress', protocol = 'TCP' } = asked
  const packet = { direction, other: '10.77.0.2' as Address, protocol, port: 80 }
  const said = judge({ ...packet, subject: endpointOf(world, 'a') }, world)
  const found = lookUp(compileTable(world, 'a').table, { ...packet, local: '10.77.0.1' as Address })
  assert.equal(found, said)
  return said.verdict === 'accept'
}

const all = { nodeSelector: {} }
const open = [{}]
const table: readonly (readonly [string, () => boolean, boolean])[] = [
  ['nothing selects: the network decides', () => ask({}), false],
  ['nothing selects: the network allows', () => ask({}, {}, { defaultPolicy: 'Allow' }), true],
  ['no rules deny all', () => ask({ p: { subject: all } }, {}, { defaultPolicy: 'Allow' }), false],
  ['an empty rule allows all', () => ask({ p: { subject: all, ingress: open } }), true],
  ['an empty rule allows SCTP too', () => ask({ p: { subject: all, ingress: open } }, { protocol: 'SCTP' }), true],
  [
    'Egress is isolated only by an egress section',
    () => ask({ p: { subject: all, ingress: open } }, { direction: 'egress' }),
    true,
  ],
  ['an egress section isolates', () => ask({ p: { subject: all, egress: [] } }, { direction: 'egress' }), false],
  [
    'policyTypes Egress alone leaves Ingress to the network',
    () => ask({ p: { subject: all, policyTypes: ['Egress'] } }, {}, { defaultPolicy: 'Allow' }),
    true,
  ],
  ['a port without protocol is TCP', () => ask({ p: { subject: all, ingress: [{ ports: [{ port: 80 }] }] } }), true],
  [
    'a port without protocol is not UDP',
    () => ask({ p: { subject: all, ingress: [{ ports: [{ port: 80 }] }] } }, { protocol: 'UDP' }),
    false,
  ],
  ['endPort is inclusive', () => ask({ p: { subject: all, ingress: [{ ports: [{ port: 79, endPort: 80 }] }] } }), true],
  [
    'a policy of SCTP isolates TCP',
    () => ask({ p: { subject: all, ingress: [{ ports: [{ protocol: 'SCTP' }] }] } }),
    false,
  ],
  [
    'except is no deny where another rule allows',
    () =>
      ask({
        p: {
          subject: all,
          ingress: [{ from: [{ ipBlock: { cidr: '10.77.0.0/24', except: ['10.77.0.2/32'] } }, { node: 'b' }] }],
        },
      }),
    true,
  ],
  [
    'a higher Deny is final',
    () =>
      ask({
        d: { tier: 'Admin', action: 'Deny', subject: all, ingress: open },
        p: { subject: all, ingress: open },
      }),
    false,
  ],
  [
    'Pass goes on past a later Deny of its tier',
    () =>
      ask({
        d: { tier: 'Admin', action: 'Deny', priority: 2, subject: all, ingress: open },
        q: { tier: 'Admin', action: 'Pass', priority: 1, subject: all, ingress: open },
        p: { subject: all, ingress: open },
      }),
    true,
  ],
  [
    'Audit is not enforced',
    () =>
      ask({
        d: { tier: 'Admin', mode: 'Audit', action: 'Deny', subject: all, ingress: open },
        p: { subject: all, ingress: open },
      }),
    true,
  ],
  [
    'policyTypes that is empty is unset',
    () => ask({ p: { subject: all, policyTypes: [] } }, {}, { defaultPolicy: 'Allow' }),
    false,
  ],
  [
    'pods that nobody knows open nothing',
    () => ask({ p: { subject: all, ingress: [{ from: [{ podSelector: {} }] }] } }),
    false,
  ],
  ['a subject by name speaks of that node', () => ask({ p: { subject: { node: 'a' }, ingress: open } }), true],
  ['a subject by name speaks of no other', () => ask({ p: { subject: { node: 'b' }, ingress: open } }), false],
  [
    'name and labels must both fit',
    () => ask({ p: { subject: { node: 'a', nodeSelector: { matchLabels: { role: 'db' } } }, ingress: open } }),
    false,
  ],
  ['Baseline decides last', () => ask({ b: { tier: 'Baseline', subject: all, ingress: open } }), true],
]
for (const [name, decide, expected] of table) test(name, () => assert.is(decide(), expected))

test.run()
