// Where one run of the lab keeps its files, and how the remains of a crashed run are found and taken away.
//
// Hosts die with the process that runs the lab: the kernel sees to it (see host.ts). What may be left is a directory.

import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { isRunning, type ProcessRef, processRef, signal } from './processes.ts'

/** On a disk as a device's state would be, and open to root only. */
const ROOT = '/var/lib/holdfast-lab'

export interface RunDirectory {
  readonly path: string
  /** Notes a process that must not outlive the run. */
  record(ref: ProcessRef, what: string): void
  remove(): void
}

export function createRunDirectory(): RunDirectory {
  const owner = processRef(process.pid)
  if (owner === undefined) throw new HoldfastError('failed', '/proc does not show this process')
  const path = join(ROOT, String(process.pid))
  mkdirSync(ROOT, { recursive: true, mode: 0o700 })
  removeStale()
  // Named only once it says whose it is: another run that starts now must not take it for a dead one.
  const draft = join(ROOT, `draft-${process.pid}`)
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o700 })
  writeFileSync(join(draft, 'owner'), `${owner.pid} ${owner.startTime}\n`)
  renameSync(draft, path)
  return {
    path,
    record: (ref, what) => appendFileSync(join(path, 'processes'), `${ref.pid} ${ref.startTime} ${what}\n`),
    remove: () => removeRun(path),
  }
}

/** This machine's end of a cable into a run of the lab; the one thing of it that stands outside of its namespaces. */
export function deskDevice(pid: number): string {
  return `hflab${pid}`
}

function removeRun(path: string): void {
  const device = deskDevice(Number(basename(path)))
  // Goes by itself when the host at its other end is gone, but the kernel may take minutes for that.
  if (existsSync(`/sys/class/net/${device}`)) execFileSync('ip', ['link', 'delete', device])
  rmSync(path, { recursive: true, force: true })
}

function readRefs(path: string): ProcessRef[] {
  try {
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
    return lines.map((line) => {
      const [pid, startTime = ''] = line.split(' ')
      return { pid: Number(pid), startTime }
    })
  } catch {
    return []
  }
}

function runs(): string[] {
  try {
    const names = readdirSync(ROOT).filter((name) => /^\d+$/.test(name))
    return names.map((name) => join(ROOT, name))
  } catch {
    return []
  }
}

function isAlive(path: string): boolean {
  return readRefs(join(path, 'owner')).some(isRunning)
}

/** Takes away runs whose process is gone; returns their directories. */
export function removeStale(): readonly string[] {
  const stale = runs().filter((path) => !isAlive(path))
  for (const path of stale) {
    for (const ref of readRefs(join(path, 'processes'))) signal(ref, 'SIGKILL')
    removeRun(path)
  }
  return stale
}

/** Removes the files of this process's own run, because it is about to end without having taken its hosts down. */
export function abandonRun(): void {
  removeRun(join(ROOT, String(process.pid)))
}

/** The run that `up` keeps open for other commands; undefined where none runs. */
export function findOpenRun(): string | undefined {
  return runs().find((path) => isAlive(path) && readdirSync(path).includes('control.sock'))
}
