// YAML and JSON in: many documents, strict, with the line of what is wrong. YAML 1.2 core schema, no custom tags.

import type * as v from 'valibot'
import {
  type Document,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  stringify,
} from 'yaml'
import { HoldfastError } from '../errors.ts'
import { documentBytesMax, documentsMax, yamlAliasesMax } from '../limits.ts'
import { type AnyResource, parseResource, parseWith } from './resource.ts'

function bounded(text: string): void {
  // Each document has the bound; a stream may hold many, but no more than an HTTP body can carry.
  if (text.length > documentBytesMax * 4) {
    throw new HoldfastError(
      'too-large',
      `${text.length} characters are more than the ${documentBytesMax * 4} that are accepted`,
      {
        remedy: 'Split it into several files.',
      },
    )
  }
}

/** The node that a field path such as `spec.ports[0].port` leads to, or the deepest one on the way. */
function nodeAt(document: Document.Parsed, field: string): Node | null {
  let node: Node | null = document.contents
  for (const part of field.split(/[.[\]]+/).filter((p) => p !== '')) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === part)
      if (pair === undefined) return node
      node = (isCollection(pair.value) || isScalar(pair.value) ? pair.value : pair.key) as Node
      if (isScalar(pair.key) && pair.key.range != null && !isCollection(pair.value)) node = pair.key as Node
      if (isCollection(pair.value)) node = pair.value as Node
    } else if (isSeq(node)) {
      const item = node.items[Number(part)]
      if (item === undefined) return node
      node = item as Node
    } else return node
  }
  return node
}

function lineOf(document: Document.Parsed, lines: LineCounter, field: string | undefined): number {
  const node = field === undefined ? document.contents : nodeAt(document, field)
  return lines.linePos(node?.range?.[0] ?? document.range[0]).line
}

function parseText(text: string): { documents: readonly Document.Parsed[]; lines: LineCounter } {
  bounded(text)
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
  })
  const documents = Array.isArray(parsed) ? (parsed as Document.Parsed[]) : []
  if (documents.length > documentsMax) throw new HoldfastError('too-large', `more than ${documentsMax} documents`)
  for (const document of documents) {
    const fault = document.errors[0] ?? document.warnings[0]
    if (fault !== undefined) {
      throw new HoldfastError('invalid', `not valid YAML: ${fault.message}`, {
        line: lines.linePos(fault.pos[0]).line,
        cause: fault,
      })
    }
  }
  return { documents, lines }
}

/** Plain values of a document; aliases beyond the bound are a bomb. */
function valueOf(document: Document.Parsed, lines: LineCounter): unknown {
  try {
    return document.toJS({ maxAliasCount: yamlAliasesMax })
  } catch (cause) {
    throw new HoldfastError('too-large', 'the document expands too many aliases', {
      line: lines.linePos(document.range[0]).line,
      remedy: 'Write repeated parts out.',
      cause,
    })
  }
}

/** Runs `check` and adds to its error the line that the field stands in. */
function located<T>(document: Document.Parsed, lines: LineCounter, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    const { code, field, message, remedy, cause } = error
    throw new HoldfastError(code, message, {
      line: lineOf(document, lines, field),
      ...(field === undefined ? {} : { field }),
      ...(remedy === undefined ? {} : { remedy }),
      cause,
    })
  }
}

/** Resources of a YAML or JSON stream; empty documents are skipped, lists (`kind: List`) are not a thing here. */
export function parseDocuments(text: string): AnyResource[] {
  const { documents, lines } = parseText(text)
  const seen = new Set<string>()
  const resources: AnyResource[] = []
  for (const document of documents) {
    const value = valueOf(document, lines)
    if (value === null || value === undefined) continue
    const resource = located(document, lines, () => parseResource(value))
    const id = `${resource.kind}/${resource.metadata.name}`
    if (seen.has(id)) {
      throw new HoldfastError('invalid', `${id} stands in this file twice`, {
        line: lineOf(document, lines, 'metadata.name'),
        field: 'metadata.name',
        remedy: 'Keep one of them, or rename it.',
      })
    }
    seen.add(id)
    resources.push(resource)
  }
  return resources
}

/** One document of settings, checked against `schema`. An empty text is the empty object. */
export function parseConfig<S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> {
  const { documents, lines } = parseText(text)
  if (documents.length > 1)
    throw new HoldfastError('invalid', 'a configuration is one document', { remedy: 'Remove the "---".' })
  const document = documents[0]
  if (document === undefined) return parseWith(schema, {})
  return located(document, lines, () => parseWith(schema, valueOf(document, lines) ?? {}))
}

/** YAML as `get -o yaml` prints it; `parseDocuments` reads it back. */
export function formatYaml(value: unknown): string {
  return stringify(value, { version: '1.2', schema: 'core', lineWidth: 0, aliasDuplicateObjects: false })
}
