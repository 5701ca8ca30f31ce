// Makes images of agent and hub from build/release, each in one tar archive, without a daemon. Needs mmdebstrap.
//
//   node build/oci.ts [--target linux-x64]…
//
// Not part of the release itself: what an image holds of Debian is as new as the day on which it is made.

import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describeError, HoldfastError } from '../shared/errors.ts'
import { systemClock } from '../shared/host/clock.ts'
import { type Manifest, manifestName, parseManifest, programIn } from '../shared/release/manifest.ts'
import { packedTarOfTree, type Tree, type TreeEntry } from './debian/tree.ts'
import { baseLayer, type ImageKind } from './oci/base.ts'
import { imageOf } from './oci/image.ts'
import { parseReleaseTarget, type ReleaseTarget, releaseTargets } from './single/targets.ts'

const release = resolve(import.meta.dirname, 'release')
const ARCHITECTURES = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' } as const

const SHAPES = {
  agent: {
    name: 'holdfast',
    command: ['agent'],
    volumes: ['/var/lib/holdfast'],
    ports: [],
    // It programs the kernel of the host: --network host --cap-add NET_ADMIN.
    user: '0:0',
  },
  hub: {
    name: 'holdfast-hub',
    command: ['serve'],
    volumes: ['/var/lib/holdfast-hub'],
    ports: ['8443/tcp', '8883/tcp'],
    user: '0:0',
  },
} as const

function programLayer(manifest: Manifest, kind: ImageKind, target: ReleaseTarget, mtimeS: number) {
  const file = programIn(manifest, kind, target)
  if (file?.gz === undefined)
    throw new HoldfastError('not-found', `build/release has no ${kind} for ${target}`, { remedy: 'npm run build' })
  const [content, packed] = [file.name, file.gz.name].map((name) => readFileSync(join(release, name)))
  if (content === undefined || packed === undefined) throw new HoldfastError('not-found', `${file.name} is missing`)
  const { name } = SHAPES[kind]
  const tree: Tree = new Map<string, TreeEntry>([
    [`usr/bin/${name}`, { kind: 'file', content, mode: 0o755, packed }],
    // Where whoever runs it mounts what a running system has.
    ...['dev', 'proc', 'run', 'sys'].map((path): [string, TreeEntry] => [path, { kind: 'directory', mode: 0o755 }]),
  ])
  return packedTarOfTree(tree, mtimeS)
}

async function makeImage(manifest: Manifest, kind: ImageKind, target: ReleaseTarget): Promise<void> {
  const { createdAt, version } = manifest
  const { name, ...shape } = SHAPES[kind]
  const mtimeS = Date.parse(createdAt) / 1_000
  const architecture = ARCHITECTURES[target]
  const day = new Date(systemClock.now()).toISOString().slice(0, 10)
  const base = await baseLayer(kind, architecture, { day, epochS: mtimeS })
  const image = imageOf({
    ...shape,
    // A tag has no `+`.
    name: `${name}:${version.replaceAll('+', '-')}`,
    architecture,
    layers: [base, programLayer(manifest, kind, target, mtimeS)],
    entrypoint: [`/usr/bin/${name}`],
    labels: { 'org.opencontainers.image.version': version, 'org.opencontainers.image.licenses': 'Apache-2.0' },
    createdAt,
    mtimeS,
  })
  const path = join(release, `${name}_${version}_${architecture}.oci.tar`)
  writeFileSync(path, image)
  process.stdout.write(
    `build/release/${name}_${version}_${architecture}.oci.tar  ${(image.length / (1 << 20)).toFixed(1)} MiB\n`,
  )
}

try {
  const { values } = parseArgs({ options: { target: { type: 'string', multiple: true } } })
  const manifest = parseManifest(readFileSync(join(release, manifestName)))
  for (const target of values.target?.map(parseReleaseTarget) ?? releaseTargets)
    for (const kind of ['agent', 'hub'] as const) await makeImage(manifest, kind, target)
} catch (error) {
  process.stderr.write(`oci: ${describeError(error)}\n`)
  process.exitCode = 1
}
