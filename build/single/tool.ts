// Programs that the release build starts.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HoldfastError } from '../../shared/errors.ts'

const start = promisify(execFile)
const OUTPUT_BYTES_MAX = 8 << 20

/** Debian package of each, for the remedy. */
const PACKAGES: Readonly<Record<string, string>> = {
  go: 'golang-go, or Go itself from its publisher',
  'llvm-strip': 'llvm',
  'llvm-readelf': 'llvm',
  npm: 'npm',
}

export interface ToolOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Its standard output. Throws with what it said, or with what is to be installed. */
export async function tool(program: string, args: readonly string[], options: ToolOptions = {}): Promise<string> {
  const { cwd, env = {} } = options
  try {
    const { stdout } = await start(program, [...args], {
      env: { ...process.env, ...env },
      maxBuffer: OUTPUT_BYTES_MAX,
      ...(cwd === undefined ? {} : { cwd }),
    })
    return stdout
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code !== 'ENOENT') throw new HoldfastError('failed', message.trim().slice(0, 2_000), { cause })
    throw new HoldfastError('unsupported', `the program ${program} is not installed`, {
      remedy: `Install the package ${PACKAGES[program] ?? program}.`,
      cause,
    })
  }
}
