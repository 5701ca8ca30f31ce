// The processors that a virtual machine can have, and what emulates each. Everything is emulated: a processor's own
// virtualisation is not asked for, because many a build machine has none, or one that runs only kernels made for it.

import { HoldfastError } from '../../shared/errors.ts'

export interface Architecture {
  /** As Debian names it. */
  readonly name: 'amd64' | 'arm64'
  readonly emulator: string
  /** Debian package of the emulator. */
  readonly package: string
  readonly machine: string
  /** The plainest that the programs run on: each feature that is emulated too makes all code slower. */
  readonly processor: string
  /** The serial line, as the kernel calls it. */
  readonly console: string
  /** True where this machine's own programs run on it. */
  readonly native: boolean
}

const known: readonly Omit<Architecture, 'native'>[] = [
  {
    name: 'amd64',
    emulator: 'qemu-system-x86_64',
    package: 'qemu-system-x86',
    machine: 'q35,usb=off',
    processor: 'qemu64',
    console: 'ttyS0',
  },
  {
    name: 'arm64',
    emulator: 'qemu-system-aarch64',
    package: 'qemu-system-arm',
    machine: 'virt,gic-version=2',
    processor: 'cortex-a72',
    console: 'ttyAMA0',
  },
]
/** Node's names of processors. */
const NODE_NAMES = { amd64: 'x64', arm64: 'arm64' } as const

export function architecture(name?: string): Architecture {
  const native = known.find((one) => NODE_NAMES[one.name] === process.arch)
  const found = name === undefined ? native : known.find((one) => one.name === name)
  if (found !== undefined) return { ...found, native: found === native }
  throw new HoldfastError('usage', `there is no virtual machine of ${name ?? process.arch}`, {
    remedy: `Use one of: ${known.map((one) => one.name).join(', ')}.`,
  })
}
