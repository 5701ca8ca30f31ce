// The commands `lock …` as rows of the table.

import { json } from './flags.ts'
import type { CommandRow } from './row.ts'

export const lockRows: readonly CommandRow[] = [
  {
    spec: {
      name: 'lock status',
      summary: 'Show the membership lock this device trusts',
      flags: [json],
    },
    load: async () => (await import('./lock.ts')).lockStatusCommand,
  },
  {
    spec: {
      name: 'lock trust',
      summary: 'Trust another membership lock, because the keys of the present one are lost',
      description: 'Compare the file with whoever holds the new keys: from now on they say who is a member here.',
      args: [{ name: 'FILE', summary: 'As `holdfast-hub lock export` wrote it', required: true }],
    },
    load: async () => (await import('./lock.ts')).lockTrustCommand,
  },
  {
    spec: {
      name: 'lock forget',
      summary: 'Forget the membership lock; what the hub shows next is believed',
      description: 'Rather use `lock trust FILE`: forgetting believes whoever has the hub at this moment.',
    },
    load: async () => (await import('./lock.ts')).lockForgetCommand,
  },
]
