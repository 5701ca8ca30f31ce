// What a test run reached, and how it is told: failures in full, successes as a count, the slowest by name.

import type { ChildResult } from './child.ts'
import { readTotals, skipReasons, type Totals } from './totals.ts'

export interface Outcome extends Totals {
  readonly name: string
  readonly elapsedMs: number
  /** Shown where something failed. */
  readonly output: string
  /** Why something was skipped. */
  readonly reasons: readonly string[]
}

const SLOWEST = 5

/** A program that counts as one test: it passes if it exits with 0; 77 with `skip: reason` says that it can't run here. */
export function asOneTest(name: string, result: ChildResult): Outcome {
  const reasons = result.code === 77 ? skipReasons(result.output) : []
  const skipped = reasons.length > 0 ? 1 : 0
  const passed = result.code === 0 ? 1 : 0
  return { ...told(name, result), passed, failed: 1 - passed - skipped, skipped, reasons }
}

/** A file of uvu tests. */
export function asTestFile(name: string, result: ChildResult): Outcome {
  return { ...told(name, result), ...readTotals(result.output, result.code), reasons: skipReasons(result.output) }
}

export function asSkipped(name: string, reason: string): Outcome {
  return { name, passed: 0, failed: 0, skipped: 1, elapsedMs: 0, output: '', reasons: [reason] }
}

function told(name: string, result: ChildResult): Pick<Outcome, 'name' | 'elapsedMs' | 'output'> {
  const end = result.timedOut
    ? `did not end within its time limit (${Math.round(result.elapsedMs / 1_000)} s)`
    : `ended with ${result.code === undefined ? (result.signal ?? 'a signal') : `exit code ${result.code}`}`
  return { name, elapsedMs: result.elapsedMs, output: `${result.output.trimEnd()}\n  ${end}\n` }
}

export function sum(outcomes: readonly Outcome[]): Totals {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const outcome of outcomes) {
    total.passed += outcome.passed
    total.failed += outcome.failed
    total.skipped += outcome.skipped
  }
  return total
}

/** What is printed at the very end: skips with their reasons, the slowest, and the closing line that programs read. */
export function closing(outcomes: readonly Outcome[]): string {
  const lines: string[] = []
  const skipped = outcomes.filter((outcome) => outcome.skipped > 0)
  for (const { name, reasons, skipped: count } of skipped) {
    lines.push(`skipped  ${name}: ${reasons.length > 0 ? reasons.join('; ') : `${count} without a reason given`}`)
  }
  const slow = [...outcomes].sort((a, b) => b.elapsedMs - a.elapsedMs).slice(0, SLOWEST)
  lines.push(`slowest  ${slow.map((one) => `${one.name} ${(one.elapsedMs / 1_000).toFixed(1)} s`).join(', ')}`)
  for (const { name } of outcomes.filter((outcome) => outcome.failed > 0)) lines.push(`failed   ${name}`)
  const { passed, failed, skipped: left } = sum(outcomes)
  lines.push(`${passed} passed, ${failed} failed, ${left} skipped`)
  return `${lines.join('\n')}\n`
}
