// Where the record of flows is kept, and whether it goes to the hub.

import { deflate } from '../../shared/host/deflate.ts'
import type { FlowDoors } from '../flows/doors.ts'
import { openLedger } from '../flows/sqlite-ledger.ts'
import type { StateFiles } from './files.ts'
import type { Settings } from './settings.ts'

export function flowDoors({ flows, metered }: Settings, files: StateFiles): FlowDoors {
  const open: FlowDoors['open'] = (more) => openLedger(files.flows, more)
  return flows === 'local' ? { open } : { open, toHub: { deflate, metered } }
}
