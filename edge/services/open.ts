// Services of the mesh and the names they are found by, which know of each other: who looks a name up is about to use it.

import type { AgentOptions } from '../agent.ts'
import { createOwnNames, type NamesAround, type OwnNames } from '../names/own-names.ts'
import { createOwnServices, type OwnServices, type ServicesAround } from './own-services.ts'

export interface Found {
  readonly names: OwnNames
  readonly services: OwnServices
}

/** `onChange`: the kernel is to be told something else. */
export function openServices(
  options: AgentOptions,
  around: ServicesAround & Omit<NamesAround, 'services'>,
  onChange: () => void,
): Found {
  const services = createOwnServices(options, around, onChange)
  return { services, names: createOwnNames(options, { ...around, services }) }
}
