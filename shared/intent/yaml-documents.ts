// YAML text to documents, within bounds that are checked while reading: a hostile text is refused at the first token too
// many, before anything recursive or quadratic in the library sees it. YAML 1.2 core schema, no other tags.

import { Composer, type Document, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, type Node, Parser } from 'yaml'
import { HoldfastError } from '../errors.ts'
import {
  canonicalDepthMax,
  documentBytesMax,
  documentsMax,
  yamlAliasesMax,
  yamlDirectivesMax,
  yamlTokensMax,
} from '../limits.ts'

export interface Documents {
  readonly documents: readonly Document.Parsed[]
  readonly lines: LineCounter
}

/** A stream may hold many documents, but no more than an HTTP body can carry. */
const STREAM_CHARACTERS_MAX = documentBytesMax * 4
/** What the parser's stack holds besides what a person would count as nesting: the document, and a scalar on its way. */
const STACK_BESIDES = 2
/** What the lexer emits where a document begins, and where it ends (`...`) or the next is announced (`---`). */
const BOUNDARIES = new Set(['\u0002', '...', '---'])

/** Of the document that is being read. */
interface Counts {
  startsAt: number
  tokens: number
  aliases: number
  directives: number
}

/** The bound that is exceeded, as an error message. */
function excess(counts: Counts, offset: number, depth: number): string | undefined {
  if (depth > canonicalDepthMax + STACK_BESIDES) return `nests deeper than ${canonicalDepthMax}`
  if (counts.tokens > yamlTokensMax) return `one document has more than ${yamlTokensMax} words and signs`
  if (counts.aliases > yamlAliasesMax) return `one document has more than ${yamlAliasesMax} aliases`
  if (counts.directives > yamlDirectivesMax) return `one document has more than ${yamlDirectivesMax} directives`
  if (offset - counts.startsAt > documentBytesMax) return `one document has more than ${documentBytesMax} characters`
  return undefined
}

/** Documents as they are completed. */
function* compose(text: string, lines: LineCounter): Generator<Document.Parsed> {
  lines.addNewLine(0)
  const parser = new Parser(lines.addNewLine)
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    resolveKnownTags: false,
    stringKeys: true,
    // The library compares each key with all others; `checkNodes` does it in linear time.
    uniqueKeys: false,
    prettyErrors: false,
  })
  const counts: Counts = { startsAt: 0, tokens: 0, aliases: 0, directives: 0 }
  for (const lexeme of new Lexer().lex(text)) {
    counts.tokens++
    if (lexeme.startsWith('*')) counts.aliases++
    if (BOUNDARIES.has(lexeme)) {
      Object.assign(counts, { startsAt: parser.offset, tokens: 0, aliases: 0, directives: 0 })
    }
    for (const token of parser.next(lexeme)) {
      if (token.type === 'directive') counts.directives++
      yield* composer.next(token)
    }
    const fault = excess(counts, parser.offset, parser.stack.length)
    if (fault !== undefined) {
      const { line } = lines.linePos(parser.offset)
      throw new HoldfastError('too-large', fault, { line, remedy: 'Split or simplify it.' })
    }
  }
  for (const token of parser.end()) yield* composer.next(token)
  // Even a stream of nothing but directives ends in a document, which then carries their errors.
  yield* composer.end(true, text.length)
}

/** What the library leaves to us: keys given twice, and aliases of nothing. */
function checkNodes(document: Document.Parsed, lines: LineCounter): void {
  const refuse = (node: Node, message: string, remedy: string): never => {
    throw new HoldfastError('invalid', message, { line: lines.linePos(node.range?.[0] ?? 0).line, remedy })
  }
  const anchors = new Set<string>()
  const waiting: unknown[] = [document.contents]
  // Depth first and in order of the text, so that an anchor is seen before its aliases.
  for (let node = waiting.pop(); waiting.length > 0 || node !== undefined; node = waiting.pop()) {
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) anchors.add(node.anchor)
    if (isAlias(node) && !anchors.has(node.source)) {
      refuse(node, `*${node.source} refers to nothing above it`, `Put &${node.source} before what it stands for.`)
    } else if (isSeq(node)) waiting.push(...node.items.toReversed())
    else if (isMap(node)) {
      const keys = new Set<unknown>()
      for (const { key } of node.items) {
        if (!isScalar(key)) continue
        if (keys.has(key.value)) refuse(key, `"${String(key.value)}" is given twice`, 'Keep one of them.')
        keys.add(key.value)
      }
      for (const { key, value } of node.items.toReversed()) waiting.push(value, key)
    }
  }
}

/** Throws `too-large` or `invalid`, with the line. Empty documents are among what is returned. */
export function readDocuments(text: string): Documents {
  if (text.length > STREAM_CHARACTERS_MAX) {
    throw new HoldfastError('too-large', `${text.length} characters are more than ${STREAM_CHARACTERS_MAX}`, {
      remedy: 'Split it into several files.',
    })
  }
  const lines = new LineCounter()
  const documents: Document.Parsed[] = []
  for (const document of compose(text, lines)) {
    const fault = document.errors[0] ?? document.warnings[0]
    if (fault !== undefined) {
      const { line } = lines.linePos(fault.pos[0])
      throw new HoldfastError('invalid', `not valid YAML: ${fault.message}`, { line, cause: fault })
    }
    if (document.directives.yaml.version !== '1.2') {
      const { line } = lines.linePos(document.range[0])
      const remedy = 'Remove the %YAML directive; "yes", "no" and "on" are plain words here.'
      throw new HoldfastError('invalid', `YAML ${document.directives.yaml.version} is not read`, { line, remedy })
    }
    checkNodes(document, lines)
    documents.push(document)
    if (documents.length > documentsMax) {
      throw new HoldfastError('too-large', `more than ${documentsMax} documents`, {
        remedy: 'Split it into several files.',
      })
    }
  }
  return { documents, lines }
}
