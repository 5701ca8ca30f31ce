// An image as its readers take it apart: every digest is that of its bytes, and the same layers are the same image.

import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { packedTarOfTree, text } from '../debian/tree.ts'
import { type ImageOptions, imageOf } from './image.ts'

const layer = packedTarOfTree(new Map([['usr/bin/x', text('#!/bin/sh\n', 0o755)]]), 0)
const options: ImageOptions = {
  name: 'x:1.0',
  architecture: 'arm64',
  layers: [layer],
  entrypoint: ['/usr/bin/x'],
  command: ['agent'],
  volumes: ['/var/lib/x'],
  ports: ['1/tcp'],
  user: '0:0',
  labels: { version: '1.0' },
  createdAt: '2026-01-01T00:00:00Z',
  mtimeS: 0,
}

/** Files of a tar archive by path, directories left out. */
function filesOf(archive: Uint8Array): ReadonlyMap<string, Buffer> {
  const bytes = Buffer.from(archive)
  const files = new Map<string, Buffer>()
  for (let from = 0; bytes[from] !== 0; ) {
    const name = bytes.toString('latin1', from, from + 100).replace(/\0.*$/s, '')
    const size = Number.parseInt(bytes.toString('latin1', from + 124, from + 135), 8)
    if (!name.endsWith('/')) files.set(name, bytes.subarray(from + 512, from + 512 + size))
    from += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

function at(files: ReadonlyMap<string, Buffer>, path: string): Buffer {
  const found = files.get(path)
  if (found === undefined) throw new Error(`there is no ${path}`)
  return found
}

function parsed(files: ReadonlyMap<string, Buffer>, path: string) {
  // The shapes are the format's own.
  return JSON.parse(at(files, path).toString('utf8'))
}

test('each blob has the name of its bytes, and each is reached from the index', () => {
  const files = filesOf(imageOf(options))
  const blobs = [...files.keys()].filter((path) => path.startsWith('blobs/'))
  for (const path of blobs)
    assert.is(path, `blobs/sha256/${createHash('sha256').update(at(files, path)).digest('hex')}`)
  const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`
  const [first] = parsed(files, 'index.json').manifests
  const manifest = parsed(files, blob(first.digest))
  const reached = [first.digest, manifest.config.digest, manifest.layers[0].digest].map(blob)
  assert.equal([...reached].sort(), blobs.sort())
  assert.equal(first.platform, { architecture: 'arm64', os: 'linux' })
  const config = parsed(files, blob(manifest.config.digest))
  assert.equal(config.rootfs.diff_ids, [`sha256:${layer.plainSha256}`])
  assert.equal(config.config.Entrypoint, ['/usr/bin/x'])
  assert.equal(parsed(files, 'manifest.json'), [
    { Config: blob(manifest.config.digest), RepoTags: ['x:1.0'], Layers: [blob(manifest.layers[0].digest)] },
  ])
})

test('the same layers are the same image', () => {
  assert.ok(Buffer.from(imageOf(options)).equals(imageOf({ ...options })))
})

test.run()
