// A backup while the hub runs: SQLite copies each database consistently, keys never change, so any moment is a good one.

import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { HoldfastError } from '../../shared/errors.ts'
import type { DataPaths } from '../serve/data-directory.ts'
import { settleStaged } from '../tls/staged-files.ts'
import { backupFiles, filesOf, hashFile, manifestFile, pack } from './archive.ts'

async function copyDatabase(from: string, to: string): Promise<void> {
  const db = new Database(from, { readonly: true, fileMustExist: true })
  try {
    await db.backup(to)
  } finally {
    db.close()
  }
}

/** On the disk of the target, so that the last step is a rename. */
function draftBeside(target: string): string {
  try {
    return mkdtempSync(join(dirname(target), '.holdfast-backup-'))
  } catch (cause) {
    throw new HoldfastError('failed', `cannot write into ${dirname(target)}: ${(cause as Error).message}`, {
      cause,
      remedy: 'Choose a directory that is there, has space, and may be written by this user.',
    })
  }
}

/** Enrolments stand in hub.db and credentials in access.db: the first is copied last, and what it lacks is cut at start. */
export async function writeBackup(paths: DataPaths, file: string, now: number, version: string): Promise<void> {
  settleStaged(paths.root)
  const missing = backupFiles.find((name) => !existsSync(join(paths.root, name)))
  if (missing !== undefined) {
    throw new HoldfastError('not-found', `there is no ${missing} in ${paths.root}`, {
      remedy: 'Give the hub’s --data; a hub has its files after its first start.',
    })
  }
  const target = resolve(file)
  if (existsSync(target))
    throw new HoldfastError('conflict', `${target} is there already`, { remedy: 'Choose another name.' })
  const names = filesOf((name) => existsSync(join(paths.root, name)))
  const draft = draftBeside(target)
  try {
    mkdirSync(join(draft, 'tls'), { mode: 0o700 })
    for (const name of names) {
      if (!name.endsWith('.db')) copyFileSync(join(paths.root, name), join(draft, name))
    }
    await copyDatabase(paths.accessDb, join(draft, 'access.db'))
    await copyDatabase(paths.hubDb, join(draft, 'hub.db'))
    for (const name of names) chmodSync(join(draft, name), 0o600)
    const files = Object.fromEntries(names.map((name) => [name, hashFile(join(draft, name))]))
    const manifest = JSON.stringify({ format: 1, version, createdAt: now, files }, undefined, 2)
    writeFileSync(join(draft, manifestFile), `${manifest}\n`, { mode: 0o600 })
    const packed = join(draft, 'backup.tar')
    writeFileSync(packed, '', { mode: 0o600 })
    pack(draft, packed, names)
    renameSync(packed, target)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}
