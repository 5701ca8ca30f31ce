// One machine of the lab: network, mount, process, IPC and host-name namespaces around a small init process.
//
// The init process holds everything. Kill it and the kernel ends every process in the host and takes its interfaces, nft
// tables and mounts away: a power cut. It is told to die with the process that runs the lab (prctl(2), PR_SET_PDEATHSIG),
// so a crashed run leaves nothing running. Only what lies in the host's /var/lib survives, as on a device.

import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../shared/errors.ts'
import { attempt, type CommandOptions, type CommandResult, run } from './command.ts'
import { patient } from './patience.ts'
import { childrenOf, type ProcessRef, processRef, signal } from './processes.ts'
import type { RunDirectory } from './run-directory.ts'

const BOOT_TIMEOUT_MS = patient(10_000)

/**
 * What the init process does. /run, /sys and bpffs are the host's own, so that every host can have an interface of the
 * same name and `wg` finds the right socket. No resolver is configured: a host of the lab has no DNS.
 */
const INIT = `
set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 700 /run/wireguard
mkdir /run/lab
mount --bind "$LAB_BIN" /run/lab
mount --bind "$LAB_LIB" /var/lib
mount -t sysfs sysfs /sys
mount -t bpf bpf /sys/fs/bpf || true
: >/run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf 2>/dev/null || true
echo "$LAB_NAME" >/proc/sys/kernel/hostname
for key in iptables ip6tables arptables; do
  echo 0 >/proc/sys/net/bridge/bridge-nf-call-$key || true
done 2>/dev/null
ip link set lo up
echo ready
while :; do sleep 1000 & wait $!; done
`

/** A program that runs in a host until it ends or is ended. */
export interface Running {
  readonly exited: Promise<number | undefined>
  /** Resolves at the first line of output that matches; rejects if the program ends before. */
  said(pattern: RegExp): Promise<string>
  /** Signals the program itself and waits for its end. */
  end(name: NodeJS.Signals): Promise<void>
}

export interface Host {
  readonly name: string
  /** The host's /var/lib, as seen from this machine. */
  readonly lib: string
  /** Process id of the init process; throws while the host is off. */
  pid(): number
  isOn(): boolean
  boot(): Promise<void>
  /** Cuts the power: the cables are dead before any process can say goodbye. */
  powerOff(): Promise<void>
  /** Ends everything in the host, for good. */
  halt(): Promise<void>
  /** Standard output; throws where the program fails. */
  exec(argv: readonly string[], options?: CommandOptions): Promise<string>
  attempt(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>
  /** Lines for `ip -batch`, all in one process. */
  ip(lines: readonly string[]): Promise<void>
  /** Its output goes to the log of that name, and line by line to `onLine`. */
  spawn(argv: readonly string[], log: string, onLine?: (line: string) => void): Running
  /** Last lines of every log. */
  logTail(lines: number): string
}

export interface HostOptions {
  readonly name: string
  readonly run: RunDirectory
  /** Directory with the programs under test, first in the host's PATH. */
  readonly bin: string
  /** Lays the host's cables and addresses; called at each boot. */
  readonly wire: (host: Host) => Promise<void>
  /** Takes the cables away. The kernel would keep the network of a dead host for minutes, for TCP's last words. */
  readonly unwire: () => Promise<void>
}

/** Arguments that put a program into the namespaces of `pid`; the working directory is kept where the host has it. */
export function enterArguments(pid: number, cwd = '/'): readonly string[] {
  return ['nsenter', '--target', String(pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--', 'env', '-C', cwd]
}

/** What programs in a host are given; the clock is the machine's, so no agent may set it. */
export function hostEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([key]) =>
    /^(?:TERM|HOLDFAST_TEST_RUN|NODE_COMPILE_CACHE)$/.test(key),
  )
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    PATH: '/run/lab:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    HOLDFAST_SET_CLOCK: 'false',
  }
}

interface Paths {
  readonly lib: string
  readonly logs: string
}

async function startInit(options: HostOptions, paths: Paths): Promise<{ child: ChildProcess; pid: number }> {
  const namespaces = ['--pid', '--mount', '--uts', '--ipc', '--net', '--mount-proc', '--propagation', 'private']
  const args = ['--pdeathsig', 'KILL', 'unshare', '--kill-child=KILL', '--fork', ...namespaces, 'sh', '-c', INIT]
  const env = { ...hostEnvironment(), LAB_BIN: options.bin, LAB_LIB: paths.lib, LAB_NAME: options.name }
  const child = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let complaint = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new HoldfastError('failed', `${options.name} did not boot: ${complaint.trim() || why}`))
    const timer = setTimeout(() => fail('no answer'), BOOT_TIMEOUT_MS)
    child.once('exit', (code) => fail(`init ended with ${code}`))
    child.once('error', (error) => fail(error.message))
    child.stdout?.once('data', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  const pid = childrenOf(child.pid ?? 0)[0]
  if (pid === undefined) throw new HoldfastError('failed', `${options.name} has no init process`)
  const ref = processRef(pid)
  if (ref !== undefined) options.run.record(ref, options.name)
  return { child, pid }
}

/** The child of `nsenter` is the program, a moment after its start; a signal to `nsenter` itself would not reach it. */
async function programsOf(child: ChildProcess): Promise<readonly ProcessRef[]> {
  for (;;) {
    const programs = childrenOf(child.pid ?? 0).flatMap((pid) => processRef(pid) ?? [])
    if (programs.length > 0 || child.exitCode !== null || child.signalCode !== null) return programs
    await sleep(5)
  }
}

function makeRunning(child: ChildProcess, log: string, onLine?: (line: string) => void): Running {
  const file = createWriteStream(log, { flags: 'a' })
  const waiting = new Set<{ pattern: RegExp; resolve: (line: string) => void; reject: (error: unknown) => void }>()
  let last = ''
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      file.write(`${line}\n`)
      last = line
      onLine?.(line)
      for (const one of waiting) {
        if (!one.pattern.test(line)) continue
        waiting.delete(one)
        one.resolve(line)
      }
    })
  }
  const exited = new Promise<number | undefined>((resolve) => {
    // The last lines may come after the program's end.
    child.once('close', () => file.end())
    child.once('exit', (code) => {
      for (const one of waiting) one.reject(new HoldfastError('failed', `the program ended (code ${code}): ${last}`))
      waiting.clear()
      resolve(code ?? undefined)
    })
  })
  return {
    exited,
    said: (pattern) => new Promise((resolve, reject) => waiting.add({ pattern, resolve, reject })),
    async end(name) {
      for (const ref of await programsOf(child)) signal(ref, name)
      await exited
    },
  }
}

export function createHost(options: HostOptions): Host {
  const { name } = options
  const lib = join(options.run.path, 'hosts', name, 'lib')
  const logs = join(options.run.path, 'hosts', name, 'log')
  for (const path of [lib, logs]) mkdirSync(path, { recursive: true, mode: 0o700 })
  const written = new Set<string>()
  let init: { child: ChildProcess; pid: number } | undefined
  const pid = (): number => {
    if (init === undefined) throw new HoldfastError('unreachable', `${name} is switched off`)
    return init.pid
  }
  const inside = (argv: readonly string[]): readonly string[] => [...enterArguments(pid()), ...argv]
  const host: Host = {
    name,
    lib,
    pid,
    isOn: () => init !== undefined,
    async boot() {
      if (init !== undefined) return
      init = await startInit(options, { lib, logs })
      await options.wire(host)
    },
    async powerOff() {
      if (init !== undefined) await options.unwire()
      await host.halt()
    },
    async halt() {
      if (init === undefined) return
      const { child, pid: initPid } = init
      init = undefined
      const gone = new Promise((resolve) => child.once('exit', resolve))
      const ref = processRef(initPid)
      if (ref === undefined || !signal(ref, 'SIGKILL')) return
      await Promise.race([gone, sleep(BOOT_TIMEOUT_MS, undefined, { ref: false })])
    },
    exec: (argv, settings) => run(inside(argv), { env: hostEnvironment(), ...settings }),
    attempt: (argv, settings) => attempt(inside(argv), { env: hostEnvironment(), ...settings }),
    async ip(lines) {
      await run(['nsenter', '--target', String(pid()), '--net', 'ip', '-batch', '-'], {
        input: `${lines.join('\n')}\n`,
      })
    },
    spawn(argv, log, onLine) {
      const path = join(logs, `${log}.log`)
      written.add(path)
      const [program = '', ...args] = inside(argv)
      return makeRunning(
        spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: hostEnvironment() }),
        path,
        onLine,
      )
    },
    logTail: (lines) => [...written].map((path) => tailOf(path, lines)).join(''),
  }
  return host
}

function tailOf(path: string, lines: number): string {
  try {
    const text = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines)
    return text.map((line) => `${line}\n`).join('')
  } catch {
    return ''
  }
}
