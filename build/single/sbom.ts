// What is inside of a release, as a bill of materials in CycloneDX 1.6 (ECMA-424), JSON; and the licences of it as one text.

import { toHex, utf8 } from '../../shared/bytes.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { byName, type Component } from './component.ts'

export const sbomName = 'sbom.cdx.json'

export interface ProgramContent {
  /** `holdfast`, `holdfast-hub`. */
  readonly name: string
  readonly components: readonly Component[]
}

export interface SbomOptions {
  readonly version: string
  /** ISO 8601, of the commit. */
  readonly createdAt: string
  readonly programs: readonly ProgramContent[]
}

/** The same content is the same number (a UUID of version 8, RFC 9562 §5.8). */
function serialNumber(content: string): string {
  const digits = toHex(sha256(utf8(content)))
    .slice(0, 32)
    .split('')
  digits[12] = '8'
  digits[16] = '89ab'[Number.parseInt(digits[16] ?? '0', 16) % 4] ?? '8'
  const text = digits.join('')
  const parts = [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)]
  return `urn:uuid:${parts.join('-')}`
}

function licencesOf(licence: string | undefined): object {
  if (licence === undefined) return {}
  return { licenses: [/ (?:AND|OR|WITH) /.test(licence) ? { expression: licence } : { license: { id: licence } }] }
}

function entryOf({ licence, name, purl, version }: Component): object {
  return { type: 'library', 'bom-ref': purl, name, version, purl, ...licencesOf(licence) }
}

function unique(programs: readonly ProgramContent[]): readonly Component[] {
  const all = programs.flatMap(({ components }) => components)
  return [...new Map(all.map((one) => [one.purl, one])).values()].sort(byName)
}

/** The text of the document. */
export function sbomOf({ createdAt, programs, version }: SbomOptions): string {
  const components = unique(programs)
  const own = (name: string): string => `pkg:generic/${name}@${encodeURIComponent(version)}`
  const application = (name: string): object => ({
    type: 'application',
    'bom-ref': own(name),
    name,
    version,
    purl: own(name),
    licenses: [{ license: { id: 'Apache-2.0' } }],
  })
  const below = (purl: string): readonly string[] =>
    components.filter(({ within }) => within === purl).map(({ purl: inner }) => inner)
  const content = {
    metadata: { timestamp: createdAt, component: { ...application('holdfast-release'), type: 'application' } },
    components: [...programs.map(({ name }) => application(name)), ...components.map(entryOf)],
    dependencies: [
      { ref: own('holdfast-release'), dependsOn: programs.map(({ name }) => own(name)) },
      ...programs.map(({ components: inside, name }) => ({
        ref: own(name),
        dependsOn: inside.filter(({ within }) => within === undefined).map(({ purl }) => purl),
      })),
      ...components.map(({ purl }) => ({ ref: purl, dependsOn: below(purl) })),
    ],
  }
  const whole = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: serialNumber(JSON.stringify(content)),
    version: 1,
    ...content,
  }
  return `${JSON.stringify(whole, undefined, 2)}\n`
}

/** Each component's licence under its name; one that several share stands once. */
export function licencesText(components: readonly Component[]): string {
  const texts = new Map<string, string[]>()
  for (const { name, text, version } of components) {
    if (text === '') continue
    texts.set(text, [...(texts.get(text) ?? []), `${name} ${version}`])
  }
  const line = '='.repeat(80)
  const parts = [...texts].map(([text, names]) => `${line}\n${names.join('\n')}\n${line}\n\n${text.trim()}\n`)
  return ['This program has in it the work of others, under these licences.\n', ...parts].join('\n')
}
