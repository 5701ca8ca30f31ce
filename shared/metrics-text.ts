// The Prometheus text format (version 0.0.4), written by hand: families of gauges and counters need no library.

export type Labels = Readonly<Record<string, string>>
export type Sample = readonly [Labels, number]

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly samples: readonly Sample[]
}

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8'

export function gauge(name: string, help: string, samples: readonly Sample[] | number | undefined): Family {
  return { name, help, type: 'gauge', samples: samplesOf(samples) }
}

/** `name` ends in `_total`. */
export function counter(name: string, help: string, samples: readonly Sample[] | number | undefined): Family {
  return { name, help, type: 'counter', samples: samplesOf(samples) }
}

function samplesOf(given: readonly Sample[] | number | undefined): readonly Sample[] {
  if (given === undefined) return []
  return typeof given === 'number' ? [[{}, given]] : given
}

/** Of the text after HELP. */
function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? '+Inf' : '-Inf'
}

function lineOf(name: string, [labels, value]: Sample): string {
  const inside = Object.entries(labels).map(([key, text]) => `${key}="${escapeValue(text)}"`)
  return `${name}${inside.length === 0 ? '' : `{${inside.join(',')}}`} ${numberText(value)}\n`
}

/** Families without a sample are left out. */
export function formatMetrics(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(({ help, name, samples, type }) => {
      const head = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`
      return `${head}${samples.map((sample) => lineOf(name, sample)).join('')}`
    })
    .join('')
}
