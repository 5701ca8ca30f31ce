// Doors that lead nowhere: a clock that moves when told, randomness from a seed, a log that remembers.

import type { Clock, Entropy, Log, LogLevel, Timer } from './effects.ts'

interface Due {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Time stands still until `advance`; timers then run in order of their time. */
export class FakeClock implements Clock {
  #wall: number
  #elapsed = 0
  #order = 0
  readonly #due = new Set<Due>()
  readonly #settle: () => Promise<void>

  /** `settled` resolves when all that follows from a timer is done. */
  constructor(startMs = 1_700_000_000_000, settled = settle) {
    this.#wall = startMs
    this.#settle = settled
  }

  now(): number {
    return Math.floor(this.#wall)
  }

  monotonic(): number {
    return this.#elapsed
  }

  after(delayMs: number, run: () => void): Timer {
    const due = { at: this.#elapsed + Math.max(0, delayMs), order: this.#order++, run }
    this.#due.add(due)
    return { cancel: () => void this.#due.delete(due) }
  }

  /** Sets the wall clock, as a person, a time server or a dead battery would; timers don't notice. */
  setWall(nowMs: number): void {
    this.#wall = nowMs
  }

  /** Milliseconds until the next timer; Infinity if there is none. */
  untilNext(): number {
    return Math.min(...[...this.#due].map((due) => due.at)) - this.#elapsed
  }

  advance(byMs: number): void {
    const end = this.#elapsed + byMs
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#due.delete(next)
      this.#move(next.at)
      next.run()
    }
    this.#move(end)
  }

  /** As `advance`, letting promises settle between timers. */
  async advanceAsync(byMs: number): Promise<void> {
    const end = this.#elapsed + byMs
    await this.#settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#due.delete(next)
      this.#move(next.at)
      next.run()
      await this.#settle()
    }
    this.#move(end)
  }

  #move(to: number): void {
    this.#wall += to - this.#elapsed
    this.#elapsed = to
  }

  #next(end: number): Due | undefined {
    let best: Due | undefined
    for (const due of this.#due) {
      if (due.at > end) continue
      if (best === undefined || due.at < best.at || (due.at === best.at && due.order < best.order)) best = due
    }
    return best
  }
}

/** Lets everything that is already resolved run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** xoshiro128** (Blackman and Vigna, 2018) seeded by splitmix32: good enough to shuffle a test, not for secrets. */
export function seededEntropy(seed: number): Entropy {
  let mix = seed >>> 0
  const splitmix = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  const s = Uint32Array.from([splitmix(), splitmix(), splitmix(), splitmix()]) as Uint32Array & {
    0: number
    1: number
    2: number
    3: number
  }
  const rotate = (x: number, k: number): number => ((x << k) | (x >>> (32 - k))) >>> 0
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(s[1], 5) >>> 0, 7), 9) >>> 0
    const t = (s[1] << 9) >>> 0
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotate(s[3], 11)
    return result
  }
  return {
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
    fraction: () => next() / 2 ** 32,
  }
}

export interface LogLine {
  readonly level: LogLevel
  readonly message: string
}

export function memoryLog(lines: LogLine[] = []): Log {
  const at = (level: LogLevel) => (message: string) => void lines.push({ level, message })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => memoryLog(lines) }
}
