// The commands `keys …` on a device, as rows of the table.

import { json } from './flags.ts'
import type { CommandRow } from './row.ts'

export const keysRows: readonly CommandRow[] = [
  {
    spec: {
      name: 'keys show',
      summary: 'Show this device’s keys, and which peers were met under its WireGuard key',
      flags: [json],
    },
    load: async () => (await import('./keys.ts')).keysShowCommand,
  },
  {
    spec: {
      name: 'keys rotate',
      summary: 'Give this device another WireGuard or device key, without dropping traffic',
      description:
        'Works with the hub away: peers go by this device’s own signed word until the hub has taken it into intent. The former key stays for 30 days to answer peers that were away. Under a membership lock it waits until people have signed for it. --device changes the key that the device signs with; its former one is erased an hour after the hub has taken the new one.',
      flags: [{ name: 'device', summary: 'The device key, in place of the WireGuard key' }, json],
    },
    load: async () => (await import('./keys.ts')).keysRotateCommand,
  },
  {
    spec: {
      name: 'keys forget',
      summary: 'Remove the former WireGuard keys of this device now',
      description:
        'For a key that leaked. A peer that was away since before the change then needs the hub, or another peer, to find this device.',
      flags: [json],
    },
    load: async () => (await import('./keys.ts')).keysForgetCommand,
  },
]
