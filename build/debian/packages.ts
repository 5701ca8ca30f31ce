// The two Debian packages of a release: what is in them, and what they need.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { agentEnvironment, hubEnvironment, hubSettings } from '../install/texts.ts'
import { unitTexts } from '../package.ts'
import { starter } from '../starter.ts'
import { type DebOptions, debOf } from './deb.ts'
import type { Pages } from './pages.ts'
import { file, gzip, link, packedFile, type Tree, type TreeEntry, text } from './tree.ts'

const here = import.meta.dirname

/** As Debian names processors. */
const ARCHITECTURES = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' } as const
export type PackageTarget = keyof typeof ARCHITECTURES

/** What both are made of. */
export interface PackageParts {
  readonly target: PackageTarget
  readonly version: string
  /** Oldest glibc that the program runs with, such as 2.34. */
  readonly glibc: string
  /** Seconds since the Unix epoch, of the commit. */
  readonly mtimeS: number
  readonly program: Uint8Array
  readonly programGz: Uint8Array
  /** Licences of the program's parts, beside our own. */
  readonly licences: string
  readonly pages: Pages
}

export interface AgentParts extends PackageParts {
  /** A manifest that has the program behind gzip, and its signature; and the keys that this device goes by from now on. */
  readonly manifest: Uint8Array
  readonly signature: Uint8Array
  readonly keys: string
}

function script(name: string): string {
  return readFileSync(join(here, name), 'utf8')
}

function scripts(name: string): Map<string, string> {
  return new Map(['postinst', 'prerm', 'postrm'].map((when) => [when, script(`${name}.${when}`)]))
}

function unit(name: string): string {
  return readFileSync(join(here, '../systemd', name), 'utf8')
}

function layScript(): string {
  return readFileSync(join(here, '../install/lay.sh'), 'utf8')
}

function texts(name: string, { licences, mtimeS, pages, version }: PackageParts): [string, TreeEntry][] {
  const licence = readFileSync(join(here, '../../LICENSE'), 'utf8')
  const copyright = `Holdfast ${version}\n\n${licence}\n${licences}`
  // Policy wants one; what has changed since is in the history of the sources.
  const day = new Date(mtimeS * 1_000).toUTCString().replace('GMT', '+0000')
  const log = `${name} (${version}) stable; urgency=medium\n\n  * Release ${version}.\n\n -- ${MAINTAINER}  ${day}\n`
  return [
    [`usr/share/man/man1/${name}.1.gz`, file(gzip(Buffer.from(pages.man)))],
    [`usr/share/bash-completion/completions/${name}`, text(pages.bash)],
    [`usr/share/zsh/vendor-completions/_${name}`, text(pages.zsh)],
    [`usr/share/fish/vendor_completions.d/${name}.fish`, text(pages.fish)],
    [`usr/share/doc/${name}/copyright`, text(copyright)],
    [`usr/share/doc/${name}/changelog.gz`, file(gzip(Buffer.from(log)))],
  ]
}

const MAINTAINER = 'The Holdfast authors <holdfast@holdfast.invalid>'

function control(
  name: string,
  { glibc, target, version }: PackageParts,
  needs: readonly string[],
  summary: readonly string[],
): Map<string, string> {
  // What Node itself is linked with; it carries the rest.
  const depends = [`libc6 (>= ${glibc})`, 'libgcc-s1', 'libstdc++6 (>= 9)', ...needs]
  return new Map([
    ['Package', name],
    ['Version', version],
    ['Section', 'net'],
    ['Priority', 'optional'],
    ['Architecture', ARCHITECTURES[target]],
    ['Depends', depends.join(', ')],
    ['Maintainer', MAINTAINER],
    ['Description', summary.join('\n ')],
  ])
}

function agentTree(parts: AgentParts): Tree {
  const own = 'usr/lib/holdfast'
  return new Map<string, TreeEntry>([
    [`${own}/holdfast.gz`, packedFile(parts.programGz)],
    [`${own}/release.json`, file(parts.manifest)],
    [`${own}/release.json.sig`, file(parts.signature)],
    [`${own}/version`, text(`${parts.version}\n`)],
    [`${own}/start`, text(starter, 0o755)],
    [`${own}/lay.sh`, text(layScript())],
    ['usr/bin/holdfast', link('/opt/holdfast/current/holdfast')],
    ...unitTexts().map(([name, words]): [string, TreeEntry] => [`usr/lib/systemd/system/${name}`, text(words)]),
    ['etc/holdfast/release-keys.pem', text(parts.keys)],
    ['etc/holdfast/agent.env', text(agentEnvironment)],
    ...texts('holdfast', parts),
  ])
}

export function agentPackage(parts: AgentParts): Uint8Array {
  // netbase: nft asks /etc/protocols for names.
  const needs = ['wireguard-tools', 'nftables', 'iproute2', 'netbase']
  const summary = [
    'agent of a mesh that outlives its hub',
    'Holdfast keeps a fleet of edge devices on its network: each device builds',
    'its part of a WireGuard mesh from signed intent, and keeps routing and',
    'policy working for as long as the hub is away.',
  ]
  return deb(parts, 'holdfast', needs, summary, agentTree(parts), ['release-keys.pem', 'agent.env'])
}

function hubTree(parts: PackageParts): Tree {
  const { program, programGz } = parts
  return new Map<string, TreeEntry>([
    ['usr/bin/holdfast-hub', { kind: 'file', content: program, mode: 0o755, packed: programGz }],
    ['usr/lib/systemd/system/holdfast-hub.service', text(unit('holdfast-hub.service'))],
    ['usr/lib/sysusers.d/holdfast-hub.conf', text('u holdfast-hub - "Holdfast hub" /var/lib/holdfast-hub\n')],
    ['etc/holdfast-hub/hub.yaml', text(hubSettings)],
    ['etc/holdfast-hub/hub.env', text(hubEnvironment)],
    ...texts('holdfast-hub', parts),
  ])
}

export function hubPackage(parts: PackageParts): Uint8Array {
  const summary = [
    'hub of a mesh that outlives it',
    'The hub of Holdfast takes network intent, signs it, and brings it to a',
    'fleet of devices over MQTT. With it come a broker, a certificate authority',
    'and a database.',
  ]
  return deb(parts, 'holdfast-hub', ['passwd'], summary, hubTree(parts), ['hub.yaml', 'hub.env'])
}

function deb(
  parts: PackageParts,
  name: 'holdfast' | 'holdfast-hub',
  needs: readonly string[],
  summary: readonly string[],
  data: Tree,
  conffiles: readonly string[],
): Uint8Array {
  const options: DebOptions = {
    control: control(name, parts, needs, summary),
    scripts: scripts(name),
    conffiles: conffiles.map((one) => `etc/${name}/${one}`),
    data,
    mtimeS: parts.mtimeS,
  }
  return debOf(options)
}

/** As Debian names it. */
export function packageName(name: 'holdfast' | 'holdfast-hub', { target, version }: PackageParts): string {
  return `${name}_${version}_${ARCHITECTURES[target]}.deb`
}
