// A small network that is built in, and what its first node would do about it: the same text on every machine.

import { toBase64 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseNodeId, parseWgKey } from '../../shared/ids.ts'
import { parseRecords } from '../../shared/record/parsed.ts'
import { type AnyRecord, encodeRecord } from '../../shared/record/record.ts'
import { planText } from '../cli/plan-text.ts'
import { showOp } from '../local/shown-op.ts'
import { desire } from '../plan/desire.ts'
import { plan } from '../plan/plan.ts'

const DEVICE = 'hf0'
const NODES = ['gate', 'plc', 'shop'] as const
const keyOf = (at: number): string => toBase64(new Uint8Array(32).fill(at + 1))
const idOf = (at: number): string => `${'abc'[at]}aaaaaaaaaaaaaaa`

/** Through the canonical bytes, as every record comes. */
function records(): ReturnType<typeof parseRecords>['records'] {
  const bodies: readonly (readonly [string, object])[] = [
    ['network/net', { name: 'net', spec: { cidr: '10.77.0.0/24', cidr6: 'fd77::/64', mtu: 1_420 } }],
    ...NODES.map((name, at): readonly [string, object] => [
      `node/${name}`,
      {
        nodeId: idOf(at),
        name,
        labels: { role: name },
        wgKey: keyOf(at),
        deviceKey: keyOf(at + 100),
        addresses: [`10.77.0.${at + 1}`, `fd77::${at + 1}`],
        advertise: [],
      },
    ]),
    [
      'policy/web',
      {
        name: 'web',
        spec: {
          subject: { nodeSelector: { matchLabels: { role: 'gate' } } },
          ingress: [{ from: [{ nodeSelector: { matchLabels: { role: 'shop' } } }], ports: [{ port: 443 }] }],
        },
      },
    ],
  ]
  const all = bodies.map(([id, body]) => ({ kind: id.split('/')[0], id, body }) as unknown as AnyRecord)
  return parseRecords(new Map(all.map((record) => [record.id, encodeRecord(record)]))).records
}

const KNOWN = `
policy: another table (4 entries)
nft: replace table inet holdfast (3 lines)
ip link add hf0 type wireguard
wg set hf0 listen-port 51820 private-key … (public AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=)
wg set hf0 peer AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI= allowed-ips 10.77.0.2/32,fd77::2/128
wg set hf0 peer AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM= allowed-ips 10.77.0.3/32,fd77::3/128
ip address add 10.77.0.1/32 dev hf0
ip address add fd77::1/128 dev hf0
ip link set hf0 mtu 1420 up
ip route add 10.77.0.0/24 dev hf0 metric 50
ip route add fd77::/64 dev hf0 metric 50
`.trim()

/** Throws where the plan is another. */
export function tryPlanner(): string {
  const { desired } = desire({
    records: records(),
    self: parseNodeId(idOf(0)),
    wgKey: parseWgKey(keyOf(0)),
    interface: DEVICE,
    listenPort: 51_820,
    meshPort: 51_821,
    endpoints: new Map(),
    local: [],
  })
  const ops = plan(desired, { routes: [], forwarding: [], local: [], services: '' })
  const text = planText(ops.map(showOp), DEVICE).trim()
  if (text !== KNOWN) throw new HoldfastError('corrupt', `the plan for a known network is another:\n${text}`)
  return `${ops.length} operations for a known network of ${NODES.length} nodes, as on every machine`
}
