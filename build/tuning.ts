// How each program is started: flags of V8, and what the C library and libuv read from the environment.

export type ProgramName = 'holdfast' | 'holdfast-hub'

interface Tuning {
  readonly flags: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/**
 * The agent lives on small devices and mostly rests. Measured with 50 peers, MiB of Private_Dirty and of Rss that each saves:
 * machine code for hot functions alone, 2 and 10, for then the compilers themselves stay on the disk; bytecode that was not run
 * between two collections dropped and made again when it is, 1; one thread for V8's work and none for collecting, 1; one
 * malloc arena that gives back, and maps what is large, 1; a small young generation, 1.
 */
const AGENT: Tuning = {
  flags: [
    '--max-semi-space-size=1',
    // See shared/host/give-back.ts.
    '--expose-gc',
    '--bytecode-old-age=1',
    '--single-threaded-gc',
    '--v8-pool-size=1',
    // A packet that is carried, an element of a large policy: what is run tens of thousands of times is compiled as ever.
    '--no-sparkplug',
    '--invocation-count-for-feedback-allocation=100',
    '--invocation-count-for-maglev=20000',
    '--invocation-count-for-maglev-osr=5000',
    '--invocation-count-for-osr=20000',
    '--invocation-count-for-turbofan=200000',
  ],
  environment: {
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: '65536',
    MALLOC_TOP_PAD_: '16384',
    MALLOC_TRIM_THRESHOLD_: '65536',
    // Two threads and not one: a name lookup that hangs without DNS must not hold up a file write.
    UV_THREADPOOL_SIZE: '2',
  },
}
const HUB: Tuning = { flags: [], environment: {} }

export function tuningOf(name: ProgramName): Tuning {
  return name === 'holdfast' ? AGENT : HUB
}

/** As lines of a shell script; what the device has set stays. */
export function exportLines(name: ProgramName): string {
  const lines = Object.entries(tuningOf(name).environment).map(
    ([key, value]) => `export ${key}="\${${key}:-${value}}"\n`,
  )
  return lines.join('')
}
