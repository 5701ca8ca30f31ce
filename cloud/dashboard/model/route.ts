// Places of the dashboard, as they stand behind the # of its address: no server has to know them.

export type Place =
  | { readonly page: 'overview' | 'nodes' | 'map' | 'policy' | 'flows' | 'join' | 'audit' }
  | { readonly page: 'node'; readonly name: string }

export type Page = Place['page']

const PAGES = ['overview', 'nodes', 'map', 'policy', 'flows', 'join', 'audit'] as const

export interface Route {
  readonly place: Place
  readonly query: URLSearchParams
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What is not known leads to the overview. */
export function parseRoute(hash: string): Route {
  const [path = '', words = ''] = hash.replace(/^#\/?/, '').split('?')
  const query = new URLSearchParams(words)
  const [first = '', second] = path.split('/')
  if (first === 'nodes' && second !== undefined && second !== '')
    return { place: { page: 'node', name: decode(second) }, query }
  const page = PAGES.find((one) => one === first) ?? 'overview'
  return { place: { page }, query }
}

export function nodeHref(name: string): string {
  return `#/nodes/${encodeURIComponent(name)}`
}

export function href(page: Exclude<Page, 'node'>, query: Readonly<Record<string, string>> = {}): string {
  const words = new URLSearchParams(query).toString()
  return `#/${page === 'overview' ? '' : page}${words === '' ? '' : `?${words}`}`
}
