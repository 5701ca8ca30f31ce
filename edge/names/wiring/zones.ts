// The zones that are asked of us, by name. Pure.

import { blockOf, type Cidr } from '../../../shared/address/cidr.ts'
import { bitsOf } from '../../../shared/address/ip.ts'

/** Zones of the reverse are cut at whole labels, so that a block which is cut elsewhere is several of them. */
export function reverseZones(cidr: Cidr): readonly string[] {
  const { family, length, value } = blockOf(cidr)
  const [step, radix, root] = family === 4 ? [8, 10, 'in-addr.arpa'] : [4, 16, 'ip6.arpa']
  const labels = Math.max(1, Math.ceil(length / step))
  const shift = BigInt(bitsOf(family) - labels * step)
  const first = value >> shift
  return Array.from({ length: 2 ** (labels * step - length) }, (_, at) => {
    const whole = first + BigInt(at)
    const parts = Array.from({ length: labels }, (__, label) =>
      ((whole >> BigInt(label * step)) & BigInt(2 ** step - 1)).toString(radix),
    )
    return `${parts.join('.')}.${root}`
  })
}
