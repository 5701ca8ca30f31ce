// Reads server-sent events (WHATWG HTML §9.2.6) from pieces of a stream, wherever these are cut.

export interface SseEvent {
  readonly id: string
  readonly data: string
}

export interface SseReader {
  /** Events that are whole by now. */
  push(text: string): readonly SseEvent[]
  /** Of the last event, or of the place in the stream where it begins; empty before either. */
  lastId(): string
}

/** One event; the hub's are hundreds of bytes. */
const EVENT_CHARACTERS_MAX = 1 << 20

function fieldOf(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  if (colon < 0) return [line, '']
  const value = line.slice(colon + 1)
  return [line.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value]
}

export function createSseReader(): SseReader {
  let rest = ''
  let lastId = ''
  const eventOf = (block: string): readonly SseEvent[] => {
    const data: string[] = []
    for (const line of block.split('\n')) {
      const [field, value] = fieldOf(line)
      if (field === 'data') data.push(value)
      else if (field === 'id') lastId = value
    }
    return data.length === 0 ? [] : [{ id: lastId, data: data.join('\n') }]
  }
  return {
    push(text) {
      const blocks = `${rest}${text}`.replaceAll('\r\n', '\n').split('\n\n')
      rest = blocks.pop() ?? ''
      // Nobody who sends as much means events.
      if (rest.length > EVENT_CHARACTERS_MAX) rest = ''
      return blocks.flatMap(eventOf)
    },
    lastId: () => lastId,
  }
}
