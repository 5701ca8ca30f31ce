// One source file as the tidy rules see it: text, lines, syntax tree, what it imports and what it exports.

import { posix } from 'node:path'
import { parseSync } from 'oxc-parser'
import { HoldfastError } from '../../shared/errors.ts'

/** A node of the syntax tree (ESTree with TypeScript). Loosely typed, because the rules look at few kinds of many. */
export interface Syntax {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

export interface Import {
  /** As written: `./x.ts`, `node:fs`, `valibot`. */
  readonly from: string
  /** Path in the checkout where `from` is relative; undefined for packages. */
  readonly target: string | undefined
  /** Imported names; `*` stands for all of them. */
  readonly names: readonly string[]
  readonly typeOnly: boolean
  readonly at: number
}

export interface Export {
  readonly name: string
  readonly type: boolean
  readonly testOnly: boolean
  readonly at: number
}

export interface Source {
  readonly path: string
  readonly text: string
  readonly program: Syntax
  readonly isTest: boolean
  readonly imports: readonly Import[]
  readonly exports: readonly Export[]
}

export interface Finding {
  readonly path: string
  readonly line: number
  readonly message: string
}

function isSyntax(value: unknown): value is Syntax {
  return typeof value === 'object' && value !== null && typeof (value as Syntax).type === 'string'
}

export function child(node: Syntax, key: string): Syntax | undefined {
  const value = node[key]
  return isSyntax(value) ? value : undefined
}

/** Calls `enter` for `node` and everything below it, parents first. */
export function visit(node: Syntax, enter: (node: Syntax) => void): void {
  enter(node)
  // Half of what this tool does: no lists are made on the way.
  for (const key in node) {
    const value = node[key]
    if (Array.isArray(value)) {
      for (const one of value) if (isSyntax(one)) visit(one, enter)
    } else if (isSyntax(value)) visit(value, enter)
  }
}

/** The name of an Identifier, or the value of a string literal. */
export function nameOf(node: Syntax | undefined): string {
  const name = node?.['name'] ?? node?.['value']
  return typeof name === 'string' ? name : ''
}

export function lineOf(source: Pick<Source, 'text'>, offset: number): number {
  let line = 1
  for (let i = 0; i < offset; i++) if (source.text.charCodeAt(i) === 10) line++
  return line
}

/** Path of what `from` means in the file `path`; undefined for packages and built-in modules. */
function targetOf(path: string, from: string): string | undefined {
  return from.startsWith('.') ? posix.normalize(posix.join(posix.dirname(path), from)) : undefined
}

function readImport(path: string, node: Syntax): Import | undefined {
  const source = child(node, 'source')
  if (source === undefined || source.type !== 'Literal') return undefined
  const from = nameOf(source)
  const base = { from, target: targetOf(path, from), at: node.start }
  const specifiers = (node['specifiers'] ?? []) as Syntax[]
  switch (node.type) {
    case 'ImportDeclaration': {
      const names = specifiers.map((one) => importedName(one))
      const typeOnly =
        node['importKind'] === 'type' ||
        (specifiers.length > 0 && specifiers.every((one) => one['importKind'] === 'type'))
      return { ...base, names, typeOnly }
    }
    case 'ExportNamedDeclaration':
      return {
        ...base,
        names: specifiers.map((one) => nameOf(child(one, 'local'))),
        typeOnly: node['exportKind'] === 'type',
      }
    case 'ExportAllDeclaration':
    case 'ImportExpression':
      return { ...base, names: ['*'], typeOnly: false }
    case 'TSImportType':
      return { ...base, names: ['*'], typeOnly: true }
    default:
      return undefined
  }
}

function importedName(specifier: Syntax): string {
  if (specifier.type === 'ImportNamespaceSpecifier') return '*'
  return specifier.type === 'ImportDefaultSpecifier' ? 'default' : nameOf(child(specifier, 'imported'))
}

function exportedNames(node: Syntax): string[] {
  if (node.type === 'ExportDefaultDeclaration') return ['default']
  const declaration = child(node, 'declaration')
  if (declaration === undefined) {
    return ((node['specifiers'] ?? []) as Syntax[]).map((one) => nameOf(child(one, 'exported')))
  }
  if (declaration.type !== 'VariableDeclaration') return [nameOf(child(declaration, 'id'))]
  const names: string[] = []
  for (const declarator of declaration['declarations'] as Syntax[]) {
    const id = child(declarator, 'id')
    if (id?.type === 'Identifier') names.push(nameOf(id))
  }
  return names
}

/** Parses `text`, which lies at `path` in the checkout. */
export function parseSource(path: string, text: string): Source {
  const { program, comments, errors } = parseSync(path, text, { sourceType: 'module' })
  if (errors.length > 0) throw new HoldfastError('invalid', `${path}: ${errors[0]?.message ?? 'does not parse'}`)
  const root = program as unknown as Syntax
  const imports: Import[] = []
  const exports: Export[] = []
  visit(root, (node) => {
    const found = readImport(path, node)
    if (found !== undefined) imports.push(found)
    if (node.type !== 'ExportNamedDeclaration' && node.type !== 'ExportDefaultDeclaration') return
    const before = comments.findLast((comment) => comment.end <= node.start)
    const testOnly = before?.value.includes('@testonly') === true && text.slice(before.end, node.start).trim() === ''
    for (const name of exportedNames(node)) {
      exports.push({ name, type: node['exportKind'] === 'type', testOnly, at: node.start })
    }
  })
  return { path, text, program: root, isTest: path.endsWith('.test.ts'), imports, exports }
}
