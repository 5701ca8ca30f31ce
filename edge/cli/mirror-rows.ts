// The commands of `holdfast mirror`, as rows of the table.

import { mirrorPacketsPerSMax } from '../../shared/limits.ts'
import { defaultPacketsPerS } from '../mirror/order.ts'
import { json } from './flags.ts'
import type { CommandRow } from './row.ts'

export const mirrorRows: readonly CommandRow[] = [
  {
    spec: {
      name: 'mirror start',
      summary: 'Copy traffic of the mesh, decrypted, to an interface of this host for a while; for an IDS or a capture',
      description:
        'Root only. What is copied goes on untouched. The interface must have nothing else: no address, no route, no bridge; a port, or one end of a veth pair. Kept over restarts, shown in the status, ended by itself. Another one takes the place of the former.',
      args: [{ name: 'INTERFACE', summary: 'Where the copies go', required: true }],
      flags: [
        {
          name: 'peer',
          value: 'NODE',
          repeat: true,
          summary: 'Only traffic with this node; without --peer and --cidr all',
        },
        {
          name: 'cidr',
          value: 'CIDR',
          repeat: true,
          summary: 'Also with these addresses, such as those behind a node',
        },
        { name: 'service', value: 'PORT', repeat: true, summary: 'Only this: 502, 53/udp, icmp; at either end' },
        {
          name: 'packets-per-s',
          value: 'N',
          summary: `Copies a second at most, to ${mirrorPacketsPerSMax} (default ${defaultPacketsPerS})`,
        },
        { name: 'expires', value: 'TIME', summary: 'When it ends by itself: 20m, 4h, at most 7d; needed' },
        { name: 'reason', value: 'TEXT', summary: 'Why, for those who come after; needed' },
        json,
      ],
      examples: ['holdfast mirror start ids0 --peer plc-7 --service 502 --expires 1h --reason "ticket 4711"'],
    },
    load: async () => (await import('./mirror.ts')).mirrorStartCommand,
  },
  {
    spec: {
      name: 'mirror stop',
      summary: 'End the mirror early',
      flags: [json],
    },
    load: async () => (await import('./mirror.ts')).mirrorStopCommand,
  },
  {
    spec: {
      name: 'mirror status',
      summary: 'Show what is copied, where to, until when, and how many packets; without an agent, what it left',
      flags: [json],
    },
    load: async () => (await import('./mirror.ts')).mirrorStatusCommand,
  },
]
