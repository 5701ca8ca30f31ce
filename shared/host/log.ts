// Log lines on standard error: text for people, JSON for programs. systemd adds time and unit, so text lines have neither.

import type { Log, LogFields, LogLevel } from '../effects.ts'

const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
// sd-daemon(3): a line that begins with <N> is filed under that syslog priority.
const PRIORITY = { debug: 7, info: 6, warn: 4, error: 3 } as const

export interface LogOptions {
  readonly level: LogLevel
  /** `journal` prefixes the priority that systemd reads. */
  readonly format: 'text' | 'json' | 'journal'
  readonly now: () => number
  readonly write?: (line: string) => void
}

/** Control characters, of which a terminal obeys some: what others sent us must not move its cursor or forge a line. */
const CONTROL = /\p{Cc}/gu

function visible(text: string): string {
  return text.replace(CONTROL, (char) =>
    char === '\n' ? ' ' : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

function quote(value: string | number | boolean): string {
  const text = String(value)
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text)
}

export function createLog(options: LogOptions, bound: LogFields = {}): Log {
  const write = options.write ?? ((line) => process.stderr.write(`${line}\n`))
  const emit = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (ORDER.indexOf(level) < ORDER.indexOf(options.level)) return
    const all = Object.entries({ ...bound, ...fields }).filter((field) => field[1] !== undefined)
    if (options.format === 'json') {
      write(JSON.stringify({ time: new Date(options.now()).toISOString(), level, message, ...Object.fromEntries(all) }))
      return
    }
    const tail = all.map(([key, value]) => ` ${key}=${quote(value as string)}`).join('')
    const head = options.format === 'journal' ? `<${PRIORITY[level]}>` : `${level.padEnd(5)} `
    write(visible(`${head}${message}${tail}`))
  }
  return {
    debug: (message, fields) => emit('debug', message, fields),
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
    child: (fields) => createLog(options, { ...bound, ...fields }),
  }
}
