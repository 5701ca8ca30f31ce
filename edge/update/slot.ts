// Two places for the program: the version that runs, and the one before it or the next.

export const slots = ['a', 'b'] as const
export type Slot = (typeof slots)[number]

export function otherSlot(slot: Slot): Slot {
  return slot === 'a' ? 'b' : 'a'
}
