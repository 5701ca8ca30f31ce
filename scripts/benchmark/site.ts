// Two hosts on one wire, for benchmarks: network namespaces without a default route, and for each program that is started a
// /run/wireguard of its own, because wireguard-go names its socket after the interface and both call it hf0, and a place for
// pins of programs in the kernel.

import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Host {
  /** Address on the wire. */
  readonly address: string
  /** Starts a program in the host. */
  spawn(command: readonly string[], output?: 'ignore' | 'inherit'): ChildProcess
  /** The same, with what it says. */
  listen(command: readonly string[]): ChildProcess
  /** Starts a program of this checkout in the host, to talk with. */
  fork(program: string): ChildProcess
  /** Processes of that name in the host, as the kernel calls them (proc_pid_comm(5), at most 15 characters). */
  pidsOf(name: string): readonly number[]
}

export interface Wire {
  readonly hosts: readonly [Host, Host]
  /** Ends what was started and removes the namespaces. */
  remove(): Promise<void>
}

function run(...command: readonly string[]): void {
  const [program = '', ...args] = command
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

const PRIVATE =
  'mkdir -p /run/wireguard && mount -t tmpfs tmpfs /run/wireguard && { mount -t bpf bpf /sys/fs/bpf || true; } && exec "$@"'

function pidsIn(namespace: string): readonly number[] {
  const text = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
  return text.split('\n').filter(Boolean).map(Number)
}

function commOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd()
  } catch {
    // It ended meanwhile.
    return ''
  }
}

export function layWire(tag: string): Wire {
  const names = [0, 1].map((i) => `hfb-${tag}-${process.pid}-${i}`)
  const started: ChildProcess[] = []
  for (const name of names) run('ip', 'netns', 'add', name)
  const [left = '', right = ''] = names
  run('ip', '-n', left, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', right)
  const hosts = names.map((name, i): Host => {
    const address = `10.99.0.${i + 1}`
    run('ip', '-n', name, 'link', 'set', 'lo', 'up')
    run('ip', '-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0')
    run('ip', '-n', name, 'link', 'set', 'eth0', 'up')
    const start = (command: readonly string[], stdio: StdioOptions): ChildProcess => {
      const shell = ['unshare', '--mount', 'sh', '-c', PRIVATE, 'sh', ...command]
      const child = spawn('ip', ['netns', 'exec', name, ...shell], { stdio })
      started.push(child)
      return child
    }
    return {
      address,
      spawn: (command, output = 'ignore') => start(command, ['ignore', output, output]),
      listen: (command) => start(command, ['ignore', 'pipe', 'inherit']),
      fork: (program) => start([process.execPath, program], ['ignore', 'inherit', 'inherit', 'ipc']),
      pidsOf: (wanted) => pidsIn(name).filter((pid) => commOf(pid) === wanted),
    }
  })
  return {
    hosts: hosts as unknown as readonly [Host, Host],
    async remove() {
      for (const child of started) child.kill('SIGKILL')
      for (const name of names) {
        for (const pid of pidsIn(name)) process.kill(pid, 'SIGKILL')
      }
      await sleep(100)
      for (const name of names) run('ip', 'netns', 'delete', name)
    },
  }
}
