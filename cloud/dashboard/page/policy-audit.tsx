// What policies in Audit mode would do to the flows on record if they were enforced.

import type { FleetReplay } from '../../policy/whatif.ts'
import { href } from '../model/route.ts'
import { written } from '../store.ts'
import { Busy, Card, Empty, Trouble } from '../view/parts.tsx'
import { useLoad } from '../view/use-load.ts'
import { ReplayTable, replaySummary } from './replay-table.tsx'

export function PolicyAudit() {
  const { error, value } = useLoad<FleetReplay & { readonly policies: readonly string[] }>(
    '/api/v1/policy/audit',
    written.value['Policy'],
  )
  if (value === undefined) {
    return error === undefined ? (
      <Busy what="Replaying flows" />
    ) : (
      <Trouble title={error.message} remedy={error.remedy} />
    )
  }
  const { policies } = value
  return (
    <Card title="If they were enforced" id="audit">
      {policies.length === 0 ? (
        <Empty>
          No policy is in Audit mode. Set mode: Audit in a policy to see here what it would do, before it does.
        </Empty>
      ) : (
        <>
          <p class="chips">
            {policies.map((name) => (
              <a key={name} class="chip" href={href('policy', { policy: name })}>
                {name}
              </a>
            ))}
          </p>
          <p>{replaySummary(value)}</p>
          <ReplayTable labelledBy="audit" of={value} />
        </>
      )}
    </Card>
  )
}
