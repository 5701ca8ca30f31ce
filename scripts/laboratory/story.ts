// How a scenario is told: each step with the time it began and how long it took; a failure with what was expected, what was
// seen, and the last words of every host.

import { describeError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import type { Host } from './host.ts'
import { Unmet } from './unmet.ts'

export interface Story {
  /** Tells what is done, does it, and tells how long it took and what `result` says of it. */
  step<T>(what: string, act: () => Promise<T>, result?: (value: T) => string): Promise<T>
}

const LOG_LINES = 15

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

/** A duration as a person reads it: milliseconds where they matter. */
export function durationText(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : seconds(ms)
}

export function createStory(write: (text: string) => void): Story {
  const startedAt = systemClock.monotonic()
  return {
    async step(what, act, result) {
      const begunAt = systemClock.monotonic()
      write(`${seconds(begunAt - startedAt).padStart(8)}  ${what}`)
      try {
        const value = await act()
        const told = result?.(value) ?? ''
        write(` — ${told === '' ? '' : `${told}, `}${durationText(systemClock.monotonic() - begunAt)}\n`)
        return value
      } catch (error) {
        write(' — FAILED\n')
        throw error
      }
    },
  }
}

/** The end of every host's logs. */
export function lastWords(hosts: readonly Host[]): string {
  return hosts
    .map((host) => ({ name: host.name, tail: host.logTail(LOG_LINES) }))
    .filter(({ tail }) => tail !== '')
    .map(({ name, tail }) => `--- last words of ${name}\n${tail}`)
    .join('')
}

export function failureText(error: unknown, hosts: readonly Host[]): string {
  const what =
    error instanceof Unmet
      ? `          expected  ${error.expected}\n          saw       ${error.seen}\n`
      : `          ${describeError(error)}\n`
  return `${what}${lastWords(hosts)}`
}
