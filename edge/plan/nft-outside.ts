// Who is led to which backend, as the kernel knows it: of each flow that leaves for the mesh by another destination than it was
// asked for, the ends that it came with and those that it goes on with. In a table of its own, laid only where a service is
// published; what policy and the table of services do is no matter of it, and neither of theirs costs it anything.
//
// Each flow stands in two sets, because nft joins no more than five parts to a key: who asked for what, and where it went. Both
// name who asked and the port that the flow goes on with.

import { ledFlowsMax } from '../../shared/flow-limits.ts'
import { chain } from './nft.ts'

export const outsideTableName = 'holdfast_outside'

/** Longer than any look at flows is away from the next. */
const LED_TIMEOUT_S = 150

const FAMILIES = [
  { digit: '4', ip: 'ip' },
  { digit: '6', ip: 'ip6' },
] as const
const KINDS = FAMILIES.flatMap((family) => (['tcp', 'udp'] as const).map((protocol) => ({ ...family, protocol })))

function setText(name: string, parts: readonly string[]): string {
  const bounds = `\tsize ${ledFlowsMax}\n\tflags dynamic,timeout\n\ttimeout ${LED_TIMEOUT_S}s\n`
  return `set ${name} {\n\ttype ${parts.join(' . ')}\n${bounds}}\n`
}

function setsOf({ digit, protocol }: (typeof KINDS)[number]): string {
  const [address, port] = [`ipv${digit}_addr`, 'inet_service']
  return [
    setText(`asked_${protocol}${digit}`, [address, port, address, port, port]),
    setText(`led_${protocol}${digit}`, [address, port, port, address, port]),
  ].join('')
}

/** With each packet, so that a flow is known for as long as it goes on. */
function linesOf({ digit, ip, protocol }: (typeof KINDS)[number]): readonly string[] {
  const match = `meta nfproto ipv${digit} meta l4proto ${protocol}`
  const who = `ct original ${ip} saddr . ct original proto-src`
  const what = `ct original ${ip} daddr . ct original proto-dst`
  return [
    `${match} update @asked_${protocol}${digit} { ${who} . ${what} . ct reply proto-dst }`,
    `${match} update @led_${protocol}${digit} { ${who} . ct reply proto-dst . ct reply ${ip} saddr . ct reply proto-src } accept`,
  ]
}

/** `name`: of the mesh's interface. `mark`: name of a counter that counts nothing, and says whose table it is. */
export function renderOutside(name: string, mark: string): string {
  return [
    `table inet ${outsideTableName} {\n`,
    `counter ${mark} {\n}\n`,
    ...KINDS.map(setsOf),
    chain('led', [
      // Behind every translation of source addresses.
      'type filter hook postrouting priority srcnat + 1; policy accept;',
      `oifname != "${name}" accept`,
      'ct direction reply accept',
      'ct status & dnat != dnat accept',
      ...KINDS.flatMap(linesOf),
    ]),
    '}\n',
  ].join('')
}
