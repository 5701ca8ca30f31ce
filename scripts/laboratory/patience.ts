// How slow this machine is: an emulated processor needs ten times as long for everything, and a scenario there is to show that
// things work, not how fast. Each limit on how long something may take is stretched by it.

const FACTOR_MAX = 20

function factorOf(text: string | undefined): number {
  const factor = Number(text ?? '1')
  return factor >= 1 && factor <= FACTOR_MAX ? factor : 1
}

/** HOLDFAST_LAB_PATIENCE: how many times longer than on a machine of its own anything may take. */
const factor = factorOf(process.env['HOLDFAST_LAB_PATIENCE'])

/** A limit in milliseconds, on this machine. */
export function patient(limitMs: number): number {
  return limitMs * factor
}
