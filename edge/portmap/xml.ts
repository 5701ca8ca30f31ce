// XML as routers write it, which is not always XML: elements with their text, without namespaces, as a flat list. Bounded.

import sax from 'sax'
import { routerElementsMax } from '../../shared/limits.ts'

export interface Element {
  /** Without its prefix, in lower case. */
  readonly name: string
  /** Index of the element around it; -1 for the outermost. */
  readonly parent: number
  readonly text: string
}

/** What could be read until something went wrong. */
export function readElements(xml: string): readonly Element[] {
  const found: { name: string; parent: number; text: string }[] = []
  const open: number[] = []
  const parser = sax.parser(false, { lowercase: true, trim: true })
  const onText = (text: string): void => {
    const element = found[open.at(-1) ?? -1]
    if (element !== undefined) element.text += text
  }
  Object.assign(parser, {
    onopentag({ name }: sax.Tag) {
      // What lies beyond the bound counts as its last element.
      if (found.length < routerElementsMax) {
        found.push({ name: name.slice(name.indexOf(':') + 1), parent: open.at(-1) ?? -1, text: '' })
      }
      open.push(found.length - 1)
    },
    onclosetag: () => void open.pop(),
    ontext: onText,
    oncdata: onText,
    // It goes on behind what it did not like.
    onerror: () => void parser.resume(),
  })
  parser.write(xml).close()
  return found
}

export function textOf(elements: readonly Element[], name: string): string | undefined {
  return elements.find((element) => element.name === name.toLowerCase())?.text
}
