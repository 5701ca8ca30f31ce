// Whom this node leads out, counted by the kernel as packets pass: lines of the own table. Nothing is asked of it until somebody
// looks at the metrics.

import { type Cidr, familyOf } from '../../shared/address/cidr.ts'
import { exitClientsMax } from '../../shared/exit-limits.ts'

const FAMILIES = [4, 6] as const
/** Who sent nothing for as long is led out no more: longer than most programs ask again, and short enough to mean now. */
const LED_FOR_S = 300

/** Names in the own table, by family of addresses. */
export const ledNames = {
  nodes: (family: 4 | 6): string => `led${family}`,
  out: (family: 4 | 6): string => `led_out${family}`,
  back: (family: 4 | 6): string => `led_back${family}`,
} as const

function blocksName(family: 4 | 6): string {
  return `led_to${family}`
}

function setLines(family: 4 | 6, blocks: readonly Cidr[]): readonly string[] {
  return [
    `counter ${ledNames.out(family)} { }`,
    `counter ${ledNames.back(family)} { }`,
    `set ${blocksName(family)} { type ipv${family}_addr; flags interval; elements = { ${blocks.join(', ')} }; }`,
    `set ${ledNames.nodes(family)} { type ipv${family}_addr; size ${exitClientsMax}; flags dynamic,timeout; timeout ${LED_FOR_S}s; }`,
  ]
}

/** A full set learns no more, and ends the rule: last in it. */
function countLines(name: string, family: 4 | 6): readonly string[] {
  const ip = family === 4 ? 'ip' : 'ip6'
  const [out, back] = [`counter name "${ledNames.out(family)}"`, `counter name "${ledNames.back(family)}"`]
  return [
    `iifname "${name}" oifname != "${name}" ${ip} daddr @${blocksName(family)} ${out} update @${ledNames.nodes(family)} { ${ip} saddr }`,
    `oifname "${name}" iifname != "${name}" ct direction reply ${ip} saddr @${blocksName(family)} ${back}`,
  ]
}

export interface LedLines {
  readonly sets: readonly string[]
  readonly chain: readonly string[]
}

/**
 * `blocks`: what is led to; undefined where that is nothing. Behind policy (nft-policy.ts), so that what is refused is not
 * counted.
 */
export function ledLines(name: string, blocks: readonly Cidr[]): LedLines | undefined {
  const led = FAMILIES.flatMap((family) => {
    const own = blocks.filter((block) => familyOf(block) === family)
    return own.length === 0 ? [] : [{ family, own }]
  })
  if (led.length === 0) return undefined
  return {
    sets: led.flatMap(({ family, own }) => setLines(family, own)),
    chain: [
      'type filter hook forward priority filter + 2; policy accept;',
      ...led.flatMap(({ family }) => countLines(name, family)),
    ],
  }
}

/** Families that a ruleset counts. */
export function familiesLed(ruleset: string): readonly (4 | 6)[] {
  return FAMILIES.filter((family) => ruleset.includes(`set ${ledNames.nodes(family)} {`))
}
