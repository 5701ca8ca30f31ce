// Reads the totals that uvu prints, so that a file which crashes half way or tests nothing can't pass for a success.

export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const SKIP_LINE = /^\s*skip: (.+)$/gm

/** Reasons that a file gave for what it skipped: lines of the form `skip: reason`. */
export function skipReasons(output: string): string[] {
  return [...output.matchAll(SKIP_LINE)].map((match) => (match[1] ?? '').trim())
}

/**
 * The totals of one test file that exited with `code`. A file that ended without totals, exited non-zero without a failed
 * test, or ran no test and gives no reason for it counts as one failure.
 */
export function readTotals(output: string, code: number | undefined): Totals {
  const number = (label: string): number | undefined => {
    const found = [...output.matchAll(new RegExp(`^ {2}${label}:\\s+(\\d+)\\s*$`, 'gm'))].at(-1)?.[1]
    return found === undefined ? undefined : Number(found)
  }
  const total = number('Total')
  const passed = number('Passed') ?? 0
  const reasons = skipReasons(output).length
  const skipped = Math.max(number('Skipped') ?? 0, reasons)
  if (total === undefined || total === 0) {
    const skippedWhole = code === 0 && reasons > 0
    return { passed: 0, failed: skippedWhole ? 0 : 1, skipped: skippedWhole ? reasons : 0 }
  }
  const failed = total - passed
  return { passed, failed: failed === 0 && code !== 0 ? 1 : failed, skipped }
}
