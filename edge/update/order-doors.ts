// What carrying out an order to update asks of the host and of the hub, and how it is shown.

import type { ReleaseFile } from '../../shared/release/manifest.ts'
import type { StatusReport } from '../../shared/wire/report.ts'
import type { Laid } from './laid.ts'
import type { OrderPlace } from './standing.ts'

export type OrderView = NonNullable<StatusReport['order']>

/** What is kept beside the slots, and what is asked of the host and of the hub. */
export interface OrderDoors extends Pick<OrderPlace, 'target'> {
  /** Over how long devices that are told at once spread their downloads. */
  readonly spreadMs: number
  /** Throws where what is laid are no keys. */
  releaseKeys(): OrderPlace['releaseKeys']
  kept(): KeptOrder | undefined
  keep(order: KeptOrder): void
  /** The file, whole and as it should be: goes on where it was cut off. Throws `corrupt` where the hub has another one. */
  fetch(file: ReleaseFile): Promise<string>
  /** Makes of it what lies in the other slot. Throws as `holdfast update` does, and `failed` where others use the slots. */
  lay(path: string, wanted: { readonly version: string; readonly downgrade: boolean }): Promise<Laid>
  /** Removes what was fetched of whatever build. */
  clear(): void
}

export interface KeptOrder {
  readonly envelope: Uint8Array
  /** It was refused for good, and why. */
  readonly refused?: string | undefined
  /** It was carried out: whatever runs here later was put here by somebody else, who knows why. */
  readonly done?: boolean | undefined
}
