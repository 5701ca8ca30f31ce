// What a benchmark is, and how its runs become figures: the median of each, so that one noisy run says nothing.

import { cpus, release, totalmem } from 'node:os'

export type Figures = Readonly<Record<string, number>>

export interface BenchContext {
  /** Says what is going on, on standard error. */
  readonly say: (words: string) => void
}

export interface Bench {
  readonly about: string
  /** How often it is run where nobody says otherwise. */
  readonly runs: number
  /** Shown beside a figure; never asserted. */
  readonly budgets: Readonly<Record<string, string>>
  /** Figures that may not be larger: one that is fails the run. */
  readonly bounds?: Figures
  measure(context: BenchContext): Promise<Figures>
}

export interface Report {
  readonly name: string
  readonly machine: Readonly<Record<string, string | number>>
  readonly runs: number
  readonly figures: Figures
}

export function machine(): Report['machine'] {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
    arch: process.arch,
  }
}

/** The value below which a share of `quantile` (0 to 1) of the values lies: nearest rank. NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** Median of each figure over all runs that have it, rounded to what is meaningful. */
export function summarise(runs: readonly Figures[]): Figures {
  const names = new Set(runs.flatMap((run) => Object.keys(run)))
  const entries = [...names].map((name) => {
    const values = runs.map((run) => run[name]).filter((value) => value !== undefined)
    return [name, round(median(values))] as const
  })
  return Object.fromEntries(entries)
}

function round(value: number): number {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return Number(value.toFixed(digits))
}

/** A sentence for each figure that is larger than its bound. */
export function overBounds({ figures }: Report, bounds: Figures = {}): readonly string[] {
  return Object.entries(bounds).flatMap(([name, most]) => {
    const found = figures[name] ?? Number.NaN
    return found <= most ? [] : [`${name} is ${found}, and at most ${most} is allowed`]
  })
}

export function asTable(report: Report, budgets: Bench['budgets']): string {
  const rows = Object.entries(report.figures).map(([name, value]) => [name, String(value), budgets[name] ?? ''])
  const all = [['figure', 'value', 'budget'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const lines = all.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '))
  const { cpu, cores, kernel, memoryMiB, node } = report.machine
  const runs = report.runs === 1 ? '1 run' : `median of ${report.runs} runs`
  const machineLine = `${cpu}, ${cores} cores, ${memoryMiB} MiB, Linux ${kernel}, Node ${node}`
  return `${report.name}, ${runs}, ${machineLine}\n${lines.map((line) => line.trimEnd()).join('\n')}\n`
}
