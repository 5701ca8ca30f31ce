// What a device tells of its policy overrides: believed if it signed it, and written into the audit log, each beginning and
// each end once, however often it is told.

import type { Sha256, Verify } from '../../shared/effects.ts'
import type { Name, NetworkId } from '../../shared/ids.ts'
import { overrideByText } from '../../shared/override/override.ts'
import { readOverrides, type ToldOverride } from '../../shared/override/report.ts'
import type { AuditRow } from '../audit.ts'
import type { Device } from './device.ts'

export interface OverrideReading {
  readonly networkId: (network: Name) => NetworkId | undefined
  readonly sha256: Sha256
  readonly verify: Verify
}

/** Throws where one of them is not what the device signed. */
export function openOverrides(
  { enrolment }: Device,
  payload: Uint8Array,
  { networkId, sha256, verify }: OverrideReading,
): readonly ToldOverride[] {
  const { deviceKey: key, network: of, nodeId: node } = enrolment
  const network = networkId(of)
  return network === undefined ? [] : readOverrides(payload, { network, node, key, verify, sha256 })
}

/** Rows for what `told` says beyond what the device told before. */
export function auditOf({ enrolment, overrides }: Device, told: readonly ToldOverride[], at: number): AuditRow[] {
  const known = new Map(overrides.map((one) => [one.id, one]))
  const { name } = enrolment
  return told.flatMap(({ end, id, override }) => {
    const before = known.get(id)
    const rows: AuditRow[] = []
    const target = `override/${id}`
    if (before === undefined) {
      const { by, expiresAt, madeAt, policies, reason } = override
      const names = policies.map((policy) => policy.name).join(', ')
      const span = `${new Date(madeAt).toISOString()} to ${new Date(expiresAt).toISOString()}`
      const detail = `on ${name} by ${overrideByText(by)}, ${span}, ${names}: ${reason}`
      rows.push({ at, actor: name, verb: 'override', target, detail })
    }
    if (end !== undefined && before?.end === undefined) {
      const whose = end.by === undefined ? '' : ` by ${overrideByText(end.by)}`
      const detail = `on ${name}${whose}, ${new Date(end.at).toISOString()}`
      rows.push({ at, actor: name, verb: `override-${end.why}`, target, detail })
    }
    return rows
  })
}
