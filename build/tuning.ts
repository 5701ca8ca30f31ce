// How each program is started: flags of V8, and what libraries below it read from the environment.

export type ProgramName = 'holdfast' | 'holdfast-hub'

interface Tuning {
  readonly flags: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** The agent lives on small devices: a small young generation and one malloc arena save 1–2 MiB and cost nothing here. */
const AGENT: Tuning = {
  flags: ['--max-semi-space-size=1'],
  // Two threads and not one: a name lookup that hangs without DNS must not hold up a file write.
  environment: { MALLOC_ARENA_MAX: '1', UV_THREADPOOL_SIZE: '2' },
}
const HUB: Tuning = { flags: [], environment: {} }

export function tuningOf(name: ProgramName): Tuning {
  return name === 'holdfast' ? AGENT : HUB
}
