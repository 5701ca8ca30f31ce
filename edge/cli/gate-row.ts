// The command of the agent's child that leads connections by names, as a row of the table.

import type { CommandRow } from './row.ts'

export const gateRow: CommandRow = {
  spec: {
    name: 'gate',
    summary:
      'Lead connections by the names and paths that clients ask for; the agent starts it where a service is published so',
    description:
      'Not for people. What to lead where comes on standard input, a list in JSON on each line; it ends when that does. Has no keys: TLS is passed on as it is, and HTTP request by request.',
  },
  load: async () => (await import('./gate.ts')).gateCommand,
}
