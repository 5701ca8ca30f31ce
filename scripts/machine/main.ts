// ./scripts/vm: runs a command in a virtual machine with Debian's own kernel, over the files of this machine.

import { parseArgs } from 'node:util'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { architecture } from './architecture.ts'
import { runInMachine } from './emulator.ts'
import { HOST_MOUNT } from './guest.ts'
import { prepareSystem } from './system.ts'

const HELP = `usage: ./scripts/vm [--arch amd64|arm64] [--memory MIB] [--timeout SECONDS] COMMAND …

Boots Debian's own kernel in an emulated machine and runs the command there as root. It sees the files of this machine,
and what it writes is gone afterwards; there is no network. Its exit code is the command's, or 77 where Debian's kernel can't be had. On another processor
the files of this machine are at ${HOST_MOUNT}, beside a small Debian of that processor.

  ./scripts/vm ./scripts/lab cold-boot       a scenario of the lab, on the kernel's own WireGuard
  ./scripts/vm --arch arm64 uname -a
`
const MODULES = ['tun', 'wireguard']
/** Debian's archives don't give the kernel: a test runner understands "can't run here". */
const SKIPPED = 77
/** Handed on to the command, beside what is Holdfast's own. */
const HANDED_ON = /^(?:PATH|HOME|TERM|LANG|CI|NODE_COMPILE_CACHE|HOLDFAST_\w+)$/

function positive(text: string, flag: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new HoldfastError('usage', `--${flag} ${text} is not a number above 0`)
}

async function main(words: readonly string[]): Promise<number> {
  // What follows the first word that is no flag is the command's.
  const first = words.findIndex(
    (word, i) => !word.startsWith('--') && !/^--(?:arch|memory|timeout)$/.test(words[i - 1] ?? ''),
  )
  const { values } = parseArgs({
    args: words.slice(0, first < 0 ? words.length : first),
    options: {
      arch: { type: 'string' },
      memory: { type: 'string', default: '2048' },
      timeout: { type: 'string', default: '600' },
      help: { type: 'boolean', default: false },
    },
  })
  const argv = first < 0 ? [] : words.slice(first)
  if (values.help || argv.length === 0) {
    process.stdout.write(HELP)
    return values.help ? 0 : 2
  }
  const arch = architecture(values.arch)
  const memoryMib = positive(values.memory, 'memory')
  const timeoutMs = positive(values.timeout, 'timeout') * 1_000
  const system = await prepareSystem(arch, (doing) => void process.stderr.write(`vm: ${doing}\n`))
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => HANDED_ON.test(name))) as Record<
    string,
    string
  >
  const cwd = `${arch.native ? '' : HOST_MOUNT}${process.cwd()}`
  return runInMachine({
    arch,
    system,
    memoryMib,
    timeoutMs,
    command: { argv, cwd, env, modules: MODULES },
    onOutput: (stream, bytes) => void (stream === 'out' ? process.stdout : process.stderr).write(bytes),
  })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const absent = isHoldfastError(error, 'unreachable')
  process.stderr.write(`${absent ? 'skip' : 'vm'}: ${describeError(error)}\n`)
  const usage = error instanceof TypeError || (error instanceof HoldfastError && error.code === 'usage')
  process.exitCode = usage ? 2 : absent ? SKIPPED : 125
}
