// What people are told of device keys: whom somebody else may pass for, and that the hub knows this device by another key.

import type { NodeId } from '../../shared/ids.ts'
import type { DeviceBook } from '../keys/device-book.ts'
import type { OwnDevice } from '../keys/own-device.ts'
import type { Members } from '../trust/members.ts'
import type { Health } from './health.ts'

/** Names in a condition. */
const NAMED_MAX = 5

export function tellDevices(
  health: Pick<Health, 'raise' | 'clear'>,
  {
    deviceBook,
    members,
    ownDevice,
  }: {
    readonly deviceBook: Pick<DeviceBook, 'forked'>
    readonly members: Pick<Members, 'all'>
    readonly ownDevice: Pick<OwnDevice, 'fault'>
  },
  self: NodeId,
): void {
  const forked = new Set<NodeId>(deviceBook.forked())
  const names = members.all().flatMap(({ name, nodeId }) => (forked.has(nodeId) && nodeId !== self ? [name] : []))
  const more = names.length - NAMED_MAX
  const own = ownDevice.fault()
  const parts = [
    ...(own === undefined ? [] : [own]),
    ...(names.length === 0
      ? []
      : [`two keys follow one of ${names.slice(0, NAMED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`]),
  ]
  if (parts.length === 0) health.clear('device-key-forked')
  else health.raise('device-key-forked', parts.join('; '))
}
