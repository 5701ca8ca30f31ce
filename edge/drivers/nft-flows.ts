// Flows as nft counts them. The table outlives this process, and the next one goes on with what it has counted.

import { hash } from 'node:crypto'
import type { Clock } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { Amount } from '../../shared/flows/batch.ts'
import type { FlowReader, FlowSnapshot } from '../flows/counters.ts'
import { flowTableName, renderFlowTable } from '../plan/nft-flows.ts'
import type { Run } from './command.ts'
import { nothing, parseListing } from './nft-flow-listing.ts'

const CLEAR = `add table inet ${flowTableName}\ndelete table inet ${flowTableName}\n`
const NONE = { flows: new Map(), services: { count: 'asked', all: [] }, total: nothing, unroomed: nothing } as const

/** `name`: of the mesh's interface. */
export function createNftFlows(run: Run, name: string, clock: Clock): Pick<FlowReader, 'read'> {
  /** Begins the names of counts in a table like this version's. */
  const prefix = `epoch_${hash('sha256', renderFlowTable(name, 'epoch'), 'hex').slice(0, 8)}_`

  const list = async (): Promise<string | undefined> => {
    try {
      return await run('nft', ['-j', '-p', 'list', 'table', 'inet', flowTableName])
    } catch (error) {
      if (isHoldfastError(error, 'failed') && error.message.includes('No such file')) return undefined
      throw error
    }
  }

  return {
    async read(): Promise<FlowSnapshot> {
      const text = await list()
      const { counters, ...counted } =
        text === undefined ? { counters: new Map<string, Amount>(), ...NONE } : parseListing(text)
      const epoch = [...counters.keys()].find((counter) => counter.startsWith(prefix))
      if (epoch !== undefined) return { by: 'nft', epoch, fresh: false, ...counted }
      const began = `${prefix}${clock.now().toString(36)}_${Math.floor(clock.monotonic()).toString(36)}`
      await run('nft', ['-f', '-'], { input: CLEAR + renderFlowTable(name, began) })
      return { by: 'nft', epoch: began, fresh: true, ...NONE }
    },
  }
}
