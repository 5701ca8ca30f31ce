// Policy: who may talk to whom and by which rule; the policies themselves, tried on recorded flows before they are saved; and what
// those in Audit mode would do.

import type { ComponentType } from 'preact'
import { href } from '../model/route.ts'
import { route } from '../store.ts'
import { PolicyAudit } from './policy-audit.tsx'
import { PolicyEdit } from './policy-edit.tsx'
import { PolicyMatrix } from './policy-matrix.tsx'

interface Tab {
  readonly key: string
  readonly title: string
  readonly view: ComponentType
}

const tabs: readonly Tab[] = [
  { key: 'matrix', title: 'Who may talk', view: PolicyMatrix },
  { key: 'edit', title: 'Policies', view: PolicyEdit },
  { key: 'audit', title: 'Audit mode', view: PolicyAudit },
]

export function PolicyPage() {
  const { query } = route.value
  const asked = query.has('policy') ? 'edit' : query.get('tab')
  const here = tabs.find(({ key }) => key === asked) ?? tabs[0]
  if (here === undefined) return null
  const View = here.view
  return (
    <>
      <h1>Policy</h1>
      <nav class="tabs" aria-label="Views of policy">
        {tabs.map(({ key, title }) => (
          <a
            key={key}
            href={href('policy', { tab: key })}
            {...(key === here.key ? { 'aria-current': 'page' as const } : {})}
          >
            {title}
          </a>
        ))}
      </nav>
      <View />
    </>
  )
}
