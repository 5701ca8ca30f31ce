// XML as routers write it, which is not always XML: elements with their text, without namespaces, as a flat list.
//
// A few dozen lines and no library: the smallest one kept 2 MiB of the agent for a page of 5 KiB. Nothing is expanded, every
// character is looked at once, and where something does not end, reading ends.

import { routerElementsMax } from '../../shared/limits.ts'

export interface Element {
  /** Without its prefix, in lower case. */
  readonly name: string
  /** Index of the element around it; -1 for the outermost. */
  readonly parent: number
  readonly text: string
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Entities that XML itself has; others stay as they are. */
function decode(text: string): string {
  if (!text.includes('&')) return text
  return text.replaceAll(/&(?:#(\d{1,5})|(amp|lt|gt|quot|apos));/g, (_, code: string | undefined, name: string) =>
    code === undefined ? (ENTITIES[name] ?? '') : String.fromCharCode(Number(code)),
  )
}

/** Lower case, without prefix; of a start or an end. */
function nameOf(tag: string): string {
  const name = /^\/?([^\s/]*)/.exec(tag)?.[1] ?? ''
  return name.slice(name.indexOf(':') + 1).toLowerCase()
}

interface Markup {
  readonly type: 'text' | 'start' | 'end' | 'nothing'
  readonly text: string
  /** Behind it. */
  readonly next: number
}

/** What begins with the `<` at `at`; undefined where it does not end. */
function markupAt(xml: string, at: number): Markup | undefined {
  const until = (end: string, from: number): number => xml.indexOf(end, from)
  if (xml.startsWith('<!--', at)) {
    const end = until('-->', at + 4)
    return end < 0 ? undefined : { type: 'nothing', text: '', next: end + 3 }
  }
  if (xml.startsWith('<![CDATA[', at)) {
    const end = until(']]>', at + 9)
    return end < 0 ? undefined : { type: 'text', text: xml.slice(at + 9, end), next: end + 3 }
  }
  const end = until('>', at)
  if (end < 0) return undefined
  const text = xml.slice(at + 1, end)
  const type = /^[?!]/.test(text) ? 'nothing' : text.startsWith('/') ? 'end' : 'start'
  return { type, text, next: end + 1 }
}

/** What could be read until something went wrong. */
export function readElements(xml: string): readonly Element[] {
  const found: { readonly name: string; readonly parent: number; text: string }[] = []
  const open: number[] = []
  const add = (text: string): void => {
    const element = found[open.at(-1) ?? -1]
    if (element !== undefined) element.text += text
  }
  for (let at = 0; at < xml.length; ) {
    const next = xml.indexOf('<', at)
    add(decode(xml.slice(at, next < 0 ? xml.length : next)))
    const markup = next < 0 ? undefined : markupAt(xml, next)
    if (markup === undefined || found.length === routerElementsMax) break
    at = markup.next
    if (markup.type === 'text') add(markup.text)
    else if (markup.type === 'start') {
      found.push({ name: nameOf(markup.text), parent: open.at(-1) ?? -1, text: '' })
      if (!markup.text.endsWith('/')) open.push(found.length - 1)
    } else if (markup.type === 'end') {
      // One that ends nothing is none; one that was forgotten ends with what is around it.
      const depth = open.findLastIndex((index) => found[index]?.name === nameOf(markup.text))
      if (depth >= 0) open.length = depth
    }
  }
  return found.map((element) => ({ ...element, text: element.text.trim() }))
}

export function textOf(elements: readonly Element[], name: string): string | undefined {
  return elements.find((element) => element.name === name.toLowerCase())?.text
}
