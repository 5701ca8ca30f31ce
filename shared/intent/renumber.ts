// A network on its way to other blocks. Every device has an address in both meanwhile, so that none is cut off, whenever it
// hears of which step.

import * as v from 'valibot'
import { cidr, name } from './field.ts'
import { about } from './rule.ts'

const stepWord = v.picklist(['Prepare', 'Switch', 'Return'])
export type RenumberStep = v.InferOutput<typeof stepWord>

/** The other blocks, as devices are told of them, and which step that is. */
export const otherBlocks = v.strictObject({
  cidr: v.optional(cidr),
  cidr6: v.optional(cidr),
  /** Absent in what older hubs signed. */
  step: v.optional(stepWord),
})

/** Most devices that may be left behind by name. */
const WITHOUT_MAX = 256

export const renumberPlan = v.strictObject({
  step: about(
    stepWord,
    'Prepare: `cidr` is the old block, and this the new one. Switch: the other way round. Return: as Prepare, after a Switch.',
  ),
  cidr: about(v.optional(cidr), 'The other IPv4 block; absent where that of the network stays.'),
  cidr6: about(v.optional(cidr), 'The other IPv6 block; absent where that of the network stays.'),
  without: about(
    v.optional(v.pipe(v.array(name), v.maxLength(WITHOUT_MAX))),
    'Nodes that the next step does not wait for. Agents are not told.',
  ),
})
export type RenumberPlan = v.InferOutput<typeof renumberPlan>
