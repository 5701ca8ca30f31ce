// YAML and JSON in: many documents, strict, with the line of what is wrong; YAML out.

import type * as v from 'valibot'
import { type Document, isMap, isScalar, isSeq, type LineCounter, type Node, type Pair, stringify } from 'yaml'
import { HoldfastError } from '../errors.ts'
import { yamlAliasesMax } from '../limits.ts'
import { translate } from './kubernetes/translate.ts'
import { type AnyResource, parseResource, parseWith } from './resource.ts'
import { readDocuments } from './yaml-documents.ts'

/** The pair whose key the path begins with; the longest one, because keys such as label keys may have dots inside. */
function pairAt(pairs: readonly Pair[], path: string): { readonly pair: Pair; readonly rest: string } | undefined {
  let best: { readonly pair: Pair; readonly key: string } | undefined
  for (const pair of pairs) {
    const key = isScalar(pair.key) ? String(pair.key.value) : ''
    const fits = path.startsWith(key) && (path.length === key.length || '.['.includes(path.charAt(key.length)))
    if (fits && key.length >= (best?.key.length ?? 1)) best = { pair, key }
  }
  return best && { pair: best.pair, rest: path.slice(best.key.length).replace(/^\./, '') }
}

/** The node that a field path such as `spec.ports[0].port` leads to, or the deepest one on the way. */
function nodeAt(document: Document.Parsed, field: string): Node | null {
  let node: Node | null = document.contents
  for (let path = field; path !== ''; ) {
    if (isMap(node)) {
      const found = pairAt(node.items, path)
      if (found === undefined) return node
      path = found.rest
      // The line of a field is that of its key: a long text may begin further down.
      node = (path === '' ? found.pair.key : found.pair.value) as Node | null
    } else if (isSeq(node)) {
      const [whole = '', index = ''] = /^\[(\d+)\]\.?/.exec(path) ?? []
      const item = whole === '' ? undefined : node.items[Number(index)]
      if (item === undefined) return node
      path = path.slice(whole.length)
      node = item as Node
    } else return node
  }
  return node
}

function lineOf(document: Document.Parsed, lines: LineCounter, field: string | undefined): number {
  const node = field === undefined ? document.contents : nodeAt(document, field)
  return lines.linePos(node?.range?.[0] ?? document.range[0]).line
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
  const { documents, lines } = readDocuments(text)
  const seen = new Set<string>()
  const resources: AnyResource[] = []
  for (const document of documents) {
    const value = valueOf(document, lines)
    if (value === null || value === undefined) continue
    const resource = located(document, lines, () => parseResource(translate(value)))
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
  const { documents, lines } = readDocuments(text)
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
