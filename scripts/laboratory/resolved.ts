// systemd-resolved without systemd: with a bus of its own, on a host whose /etc and /run are thrown away. Its package takes
// /etc/resolv.conf over when it is installed; so its files are fetched alone, and kept for the next time.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describeError } from '../../shared/errors.ts'
import { openArchive } from '../machine/debian.ts'
import { run } from './command.ts'
import { waitFor } from './wait.ts'

const BUS_POLICY = 'usr/share/dbus-1/system.d/org.freedesktop.resolve1.conf'
/** Any that nobody else has. */
const USER = 59_053
const STARTED_MS = 20_000

export interface Resolved {
  readonly end: () => Promise<void>
}

function directory(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return join(base, 'holdfast', 'systemd-resolved')
}

/** Fetches its files where they are not kept; why that can't be, or undefined. @testonly */
export async function prepareResolved(): Promise<string | undefined> {
  const whole = directory()
  if (existsSync(whole)) return undefined
  mkdirSync(join(whole, '..'), { recursive: true })
  const draft = mkdtempSync(`${whole}.`)
  try {
    const name = process.arch === 'x64' ? 'amd64' : 'arm64'
    const archive = await openArchive({ name }, join(draft, 'apt'))
    await archive.unpack(['systemd-resolved', 'libsystemd-shared'], join(draft, 'root'))
    if (!existsSync(whole)) renameSync(join(draft, 'root'), whole)
    return undefined
  } catch (error) {
    return describeError(error)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Asks that one for names of nobody in particular; `resolvectl` is found by who is started from here on. @testonly */
export async function startResolved(upstream: string, onStart: (child: ChildProcess) => void): Promise<Resolved> {
  const root = directory()
  const libraries = ['usr/lib', 'lib'].map((lib) =>
    join(root, lib, `${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-linux-gnu`, 'systemd'),
  )
  process.env['LD_LIBRARY_PATH'] = libraries.join(':')
  process.env['PATH'] = `${join(root, 'usr/bin')}:${process.env['PATH'] ?? ''}`
  appendFileSync('/etc/passwd', `systemd-resolve:x:${USER}:${USER}::/:/usr/sbin/nologin\n`)
  appendFileSync('/etc/group', `systemd-resolve:x:${USER}:\n`)
  mkdirSync('/etc/dbus-1/system.d', { recursive: true })
  copyFileSync(join(root, BUS_POLICY), '/etc/dbus-1/system.d/resolve1.conf')
  mkdirSync('/etc/systemd/resolved.conf.d', { recursive: true })
  const settings = ['[Resolve]', `DNS=${upstream}`, 'FallbackDNS=', 'LLMNR=no', 'MulticastDNS=no', 'Cache=no', '']
  appendFileSync('/etc/systemd/resolved.conf.d/upstream.conf', settings.join('\n'))
  for (const path of ['/run/dbus', '/run/systemd/resolve']) mkdirSync(path, { recursive: true })
  chownSync('/run/systemd/resolve', USER, USER)
  const started = [
    spawn('dbus-daemon', ['--system', '--nofork', '--nopidfile'], { stdio: 'ignore' }),
    spawn(join(root, 'lib/systemd/systemd-resolved'), { stdio: 'ignore' }),
  ]
  for (const child of started) onStart(child)
  await waitFor('systemd-resolved answers by the bus', async () => ({ done: await run(['resolvectl', 'status']) }), {
    timeoutMs: STARTED_MS,
  })
  return {
    async end() {
      for (const child of started.toReversed()) {
        const exited = once(child, 'exit')
        child.kill()
        await exited
      }
    },
  }
}
