// A file that should be a build of the program: one executable, or a packed directory of them. Pure.

import { HoldfastError } from '../../shared/errors.ts'
import type { TarFile } from '../../shared/host/tar.ts'

/** The program itself, in every build. */
export const programName = 'holdfast'

/** By its first bytes. */
export function kindOf(head: Uint8Array): 'gzip' | 'zstd' | 'executable' | undefined {
  const [first, second, third, fourth] = head
  if (first === 0x1f && second === 0x8b) return 'gzip'
  if (first === 0x28 && second === 0xb5 && third === 0x2f && fourth === 0xfd) return 'zstd'
  const isElf = first === 0x7f && second === 0x45 && third === 0x4c && fourth === 0x46
  const isScript = first === 0x23 && second === 0x21
  return isElf || isScript ? 'executable' : undefined
}

/** e_machine of ELF (System V ABI), as Node names processors. */
const MACHINES: Readonly<Record<number, string>> = { 62: 'x64', 183: 'arm64', 40: 'arm', 3: 'ia32', 243: 'riscv64' }

/** What machine code in a file is for; undefined where it is none. */
function processorOf(head: Uint8Array): string | undefined {
  if (head.length < 20 || kindOf(head) !== 'executable' || head[0] !== 0x7f) return undefined
  // EI_DATA: 1 is little-endian.
  const [low = 0, high = 0] = head[5] === 1 ? [head[18], head[19]] : [head[19], head[18]]
  const machine = low + 256 * high
  return MACHINES[machine] ?? `processor ${machine}`
}

export function notHoldfast(why: string): HoldfastError {
  return new HoldfastError('invalid', `the file is no build of Holdfast: ${why}`, {
    remedy: 'It is made by the build as holdfast-linux-x64, or -arm64, packed or not. Was it copied whole?',
  })
}

/** Throws `invalid` where the program is not among the files, `unsupported` where some are for another processor. */
export function checkFiles(files: ReadonlyMap<string, Pick<TarFile, 'content' | 'executable'>>, arch: string): void {
  if (files.get(programName)?.executable !== true) throw notHoldfast(`there is no program ${programName} in it`)
  for (const [name, { content }] of files) {
    const processor = processorOf(content)
    if (processor === undefined || processor === arch) continue
    throw new HoldfastError('unsupported', `${name} is made for ${processor}, and this device is ${arch}`, {
      remedy: `Take the build for linux-${arch}.`,
    })
  }
}
