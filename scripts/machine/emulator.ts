// One virtual machine for one command: Debian's kernel over the files of this machine, without a network, for a bounded time.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import type { Architecture } from './architecture.ts'
import { packCpio } from './cpio.ts'
import {
  BOOT_PATH,
  bootScript,
  bootSettings,
  type GuestCommand,
  HOST_MOUNT,
  HOST_TAG,
  LINES,
  MOUNT_TAG,
} from './guest.ts'
import type { System } from './system.ts'

/** Translated code that is kept, in MiB: less, and a few large programs push each other out. */
const TRANSLATED_MIB = 512
/**
 * Several would be emulated beside each other, and each change of address space, of code or of a lock in one stops the others:
 * a fleet, which is many small programs, takes up to three times as long on two, and a busy machine makes it worse.
 */
const PROCESSORS = 1
/** The end of what the kernel said, where a machine ends without a result. */
const CONSOLE_LINES = 15

/** Clocks and randomness of an emulated processor are not worth the time that it takes to judge them. */
const KERNEL_WORDS = `loglevel=4 panic=-1 mitigations=off nokaslr nowatchdog audit=0 cryptomgr.notests
  no_timer_check tsc=reliable random.trust_cpu=on`

export interface MachineOptions {
  readonly arch: Architecture
  readonly system: System
  readonly command: GuestCommand
  readonly memoryMib: number
  readonly timeoutMs: number
  readonly onOutput: (stream: 'out' | 'err', bytes: Uint8Array) => void
}

/** Files of this machine, to read. */
function share(id: string, path: string, tag: string): readonly string[] {
  const device = `virtio-9p-pci,fsdev=${id},mount_tag=${tag}`
  return ['-fsdev', `local,id=${id},path=${path},security_model=none,readonly=on,multidevs=remap`, '-device', device]
}

function emulatorWords({ arch, memoryMib, system }: MachineOptions, directory: string): readonly string[] {
  const at = (name: string): string => join(directory, name)
  const lines = LINES.map((line) => [
    ['-chardev', `socket,id=${line},path=${at(line)}`],
    ['-device', `virtserialport,chardev=${line},name=${line}`],
  ])
  return [
    ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-nic', 'none'],
    ['-accel', `tcg,thread=multi,tb-size=${TRANSLATED_MIB}`, '-machine', arch.machine, '-cpu', arch.processor],
    ['-smp', String(PROCESSORS), '-m', String(memoryMib), '-kernel', system.kernel, '-initrd', at('initramfs')],
    ['-append', `console=${arch.console} ${KERNEL_WORDS.replaceAll(/\s+/g, ' ')}`],
    ['-chardev', `file,id=console,path=${at('console')}`, '-serial', 'chardev:console'],
    share('files', system.root, MOUNT_TAG),
    arch.native ? [] : share('host', '/', HOST_TAG),
    ['-device', 'virtio-serial-pci'],
    ...lines.flat(),
  ].flat()
}

/** Takes what comes by one line; resolves when the other end closes. */
function listenAt(path: string, take: (bytes: Uint8Array) => void): { server: Server; ended: Promise<void> } {
  const server = createServer()
  const ended = new Promise<void>((resolve) => {
    server.once('connection', (socket) => {
      socket.on('data', take).on('error', () => undefined)
      socket.once('close', () => resolve())
    })
    server.once('close', () => resolve())
  })
  server.listen(path)
  return { server, ended }
}

function lastOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim().split(/\r?\n/).slice(-CONSOLE_LINES).join('\n')
  } catch {
    return ''
  }
}

/** Boots, runs the command, and returns its exit code. Throws where the machine ends before the command does. */
export async function runInMachine(options: MachineOptions): Promise<number> {
  const { arch, command, onOutput, system, timeoutMs } = options
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-vm-'))
  const where = { host: arch.native ? '' : HOST_MOUNT, modules: arch.native ? join(system.modules, '..') : '' }
  const own = packCpio([
    { path: BOOT_PATH, content: Buffer.from(bootScript(command)) },
    { path: `${BOOT_PATH}.settings`, content: Buffer.from(bootSettings(where)) },
  ])
  writeFileSync(join(directory, 'initramfs'), Buffer.concat([readFileSync(system.initramfs), own]))
  let code = ''
  const takers = { out: onOutput.bind(undefined, 'out'), err: onOutput.bind(undefined, 'err') }
  const lines = LINES.map((line) =>
    listenAt(
      join(directory, line),
      line === 'code' ? (bytes) => void (code += Buffer.from(bytes).toString()) : takers[line],
    ),
  )
  // Ends with this process, however that ends.
  const words = ['--pdeathsig', 'KILL', arch.emulator, ...emulatorWords(options, directory)]
  const child = spawn('setpriv', words, { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, timeoutMs)
  try {
    await new Promise((resolve) => child.once('close', resolve).once('error', resolve))
    for (const { server } of lines) server.close()
    await Promise.all(lines.map(({ ended }) => ended))
    if (/^\d+\n/.test(code)) return Number(code)
    const saw = [complaint.trim(), lastOf(join(directory, 'console'))].filter(Boolean).join('\n')
    const what = late
      ? `the command did not end within ${timeoutMs / 1_000} s`
      : 'the virtual machine ended before the command'
    throw new HoldfastError('failed', saw === '' ? what : `${what}; it said last:\n${saw}`)
  } finally {
    clearTimeout(timer)
    rmSync(directory, { recursive: true, force: true })
  }
}
