// What happens to a database that can't be read: it is kept for whoever wants to know why, and never in the way.

import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Two are enough to see whether it happens again; a small disk has no room for a museum. */
const KEPT_MAX = 2

function numbered(path: string): { readonly file: string; readonly n: number }[] {
  const prefix = `${basename(path)}.damaged-`
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => ({ file: join(dirname(path), name), n: Number(name.slice(prefix.length)) }))
    .sort((a, b) => a.n - b.n)
}

/** Renames the database and its write-ahead log to `<path>.damaged-<n>`; returns the new name. */
export function setAside(path: string): string {
  const before = numbered(path)
  const target = `${path}.damaged-${(before.at(-1)?.n ?? 0) + 1}`
  if (existsSync(path)) renameSync(path, target)
  if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${target}-wal`)
  rmSync(`${path}-shm`, { force: true })
  for (const { file } of numbered(path).slice(0, -KEPT_MAX)) {
    rmSync(file, { force: true })
    rmSync(`${file}-wal`, { force: true })
  }
  return target
}
