// An image in one tar archive, as containerd, Podman and skopeo read it (OCI image layout 1.0) and as `docker load` does, which
// asks for one file more. Pure: the same layers are the same bytes.

import { createHash } from 'node:crypto'
import { toHex } from '../../shared/bytes.ts'
import { file, type PackedTar, type Tree, type TreeEntry, tarOfTree, text } from '../debian/tree.ts'

export interface ImageOptions {
  /** With its tag, such as `holdfast:1.2.3`. */
  readonly name: string
  /** As Go names processors. */
  readonly architecture: 'amd64' | 'arm64'
  readonly layers: readonly PackedTar[]
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly volumes: readonly string[]
  readonly ports: readonly string[]
  readonly user: string
  /** Annotations of the image, by their OCI names. */
  readonly labels: Readonly<Record<string, string>>
  /** RFC 3339, UTC. */
  readonly createdAt: string
  readonly mtimeS: number
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

const OCI = 'application/vnd.oci.image'

function descriptor(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: `sha256:${toHex(createHash('sha256').update(bytes).digest())}`, size: bytes.length }
}

function blobPath({ digest }: Descriptor): string {
  return `blobs/${digest.replace(':', '/')}`
}

function keys(names: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(names.map((name) => [name, {}]))
}

function configOf(options: ImageOptions): string {
  const { architecture, command, createdAt, entrypoint, labels, layers, ports, user, volumes } = options
  return JSON.stringify({
    architecture,
    os: 'linux',
    created: createdAt,
    config: {
      User: user,
      Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
      Entrypoint: entrypoint,
      Cmd: command,
      Volumes: keys(volumes),
      ExposedPorts: keys(ports),
      Labels: labels,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ plainSha256 }) => `sha256:${plainSha256}`) },
    history: layers.map(() => ({ created: createdAt, created_by: 'holdfast build' })),
  })
}

export function imageOf(options: ImageOptions): Uint8Array {
  const blobs = new Map<string, Uint8Array>()
  const keep = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const described = descriptor(mediaType, bytes)
    blobs.set(blobPath(described), bytes)
    return described
  }
  const layers = options.layers.map(({ bytes }) => keep(`${OCI}.layer.v1.tar+gzip`, bytes))
  const config = keep(`${OCI}.config.v1+json`, Buffer.from(configOf(options)))
  const own = { schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config, layers }
  const manifest = keep(own.mediaType, Buffer.from(JSON.stringify(own)))
  const { architecture, name } = options
  const listed = {
    ...manifest,
    platform: { architecture, os: 'linux' },
    annotations: { 'io.containerd.image.name': `docker.io/library/${name}`, 'org.opencontainers.image.ref.name': name },
  }
  const index = { schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests: [listed] }
  const docker = [{ Config: blobPath(config), RepoTags: [name], Layers: layers.map(blobPath) }]
  const tree: Tree = new Map<string, TreeEntry>([
    ...[...blobs].map(([path, content]): [string, TreeEntry] => [path, file(content)]),
    ['index.json', text(JSON.stringify(index))],
    ['manifest.json', text(JSON.stringify(docker))],
    ['oci-layout', text('{"imageLayoutVersion":"1.0.0"}')],
  ])
  return tarOfTree(tree, options.mtimeS)
}
