// Services of the mesh and the names they are found by, which know of each other: who looks a name up is about to use it.

import type { AgentOptions } from '../agent.ts'
import { createOwnNames, type NamesAround, type OwnNames } from '../names/own-names.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import { createDrain, type Drain } from './drain.ts'
import { createOwnServices, type OwnServices, type ServicesAround } from './own-services.ts'

export interface Found {
  readonly names: OwnNames
  readonly services: OwnServices
  readonly drain: Drain
}

/** `onChange`: the kernel is to be told something else. */
export function openServices(
  options: AgentOptions,
  around: Omit<ServicesAround, 'drain'> & Omit<NamesAround, 'services'> & { readonly keep: Keepsakes },
  onChange: () => void,
): Found {
  const drain = createDrain(options.store, around.keep, onChange)
  const services = createOwnServices(options, { ...around, drain }, onChange)
  return { drain, services, names: createOwnNames(options, { ...around, services }) }
}
