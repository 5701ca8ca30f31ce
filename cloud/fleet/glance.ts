// What the hub knows without a look at the whole fleet: one device, and intent as it is written. Pages ask for it every few
// seconds; how far each object has come on every device is told to who asks for that.

import type { AnyResource, Kind } from '../../shared/intent/resource.ts'

/** A resource without the word of devices on it. */
export interface Intended {
  readonly resource: AnyResource
  /** Those that it was given for good; of nodes and services. */
  readonly addresses: readonly string[]
}

/** `Device`: as the hub shows one. */
export interface HubGlance<Device> {
  /** One device, as `fleet` has it; undefined where none has enrolled under that name. */
  fleetNode(name: string): Device | undefined
  /** All of a kind, by name. */
  intended(kind: Kind): readonly Intended[]
}
