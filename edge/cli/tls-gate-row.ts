// The command of the agent's child that leads TLS by names, as a row of the table.

import type { CommandRow } from './row.ts'

export const tlsGateRow: CommandRow = {
  spec: {
    name: 'tls-gate',
    summary:
      'Lead connections of TLS by the names that clients ask for; the agent starts it where a service is published so',
    description:
      'Not for people. What to lead where comes on standard input, a list in JSON on each line; it ends when that does. Has no keys, and passes on what it gets as it is.',
  },
  load: async () => (await import('./tls-gate.ts')).tlsGateCommand,
}
