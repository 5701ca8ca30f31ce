// The uplinks of this host as programs and people see them.

import type { Address } from '../../shared/address/cidr.ts'
import type { UplinkView } from './choice.ts'
import type { Family, Uplink } from './uplink.ts'

export interface UplinkReport {
  readonly family: Family
  readonly interface: string
  readonly gateway?: Address
  /** The host itself goes by it. */
  readonly preferred: boolean
  /** Holdfast goes by it. */
  readonly inUse: boolean
  readonly lastAnswerAgeMs?: number
  /** It answers nothing for so long. */
  readonly silentForMs?: number
}

export function uplinkReports(
  family: Family,
  uplinks: readonly Uplink[],
  views: readonly UplinkView[],
  nowMs: number,
): readonly UplinkReport[] {
  const age = (at: number): number => Math.max(0, Math.round(nowMs - at))
  return uplinks.map(({ gateway, interface: name }, i) => {
    const view = views.find((one) => one.interface === name)
    return {
      family,
      interface: name,
      ...(gateway === undefined ? {} : { gateway }),
      preferred: i === 0,
      inUse: view?.inUse === true,
      ...(view?.lastAnswerAt === undefined ? {} : { lastAnswerAgeMs: age(view.lastAnswerAt) }),
      ...(view?.silentSince === undefined ? {} : { silentForMs: age(view.silentSince) }),
    }
  })
}

/** Uplinks that the host prefers to the one in use, with it. */
export function steeredReports(
  reports: readonly UplinkReport[],
): readonly { readonly left: readonly UplinkReport[]; readonly by: UplinkReport }[] {
  return ([4, 6] as const).flatMap((family) => {
    const mine = reports.filter((one) => one.family === family)
    const at = mine.findIndex(({ inUse }) => inUse)
    const by = mine[at]
    return by === undefined || at === 0 ? [] : [{ left: mine.slice(0, at), by }]
  })
}
