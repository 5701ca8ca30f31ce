// The mesh as nodes and edges, from what the devices report: one edge per pair, drawn by its kind of path.

import { compareText } from '../../shared/bytes.ts'
import type { PathKind } from '../../shared/wire/report.ts'
import type { ShownNode } from '../api/answers.ts'

interface Edge {
  readonly a: string
  readonly b: string
  readonly path: PathKind
  readonly rttUs: number | undefined
}

const RANK: Record<PathKind, number> = { lan: 0, direct: 1, relay: 2, tls: 3, none: 4 }

/** Both ends report the pair; the better word counts, because an end that was just restarted knows nothing yet. */
function edgesOf(fleet: readonly ShownNode[]): readonly Edge[] {
  const edges = new Map<string, Edge>()
  for (const { name, report } of fleet) {
    for (const peer of report?.peers ?? []) {
      const [a = '', b = ''] = [name as string, peer.name as string].sort(compareText)
      const held = edges.get(`${a} ${b}`)
      if (held !== undefined && RANK[held.path] <= RANK[peer.path]) continue
      edges.set(`${a} ${b}`, { a, b, path: peer.path, rttUs: peer.rttUs })
    }
  }
  return [...edges.values()].sort((x, y) => compareText(x.a, y.a) || compareText(x.b, y.b))
}

function edgeLabel({ path, rttUs }: Edge): string {
  return rttUs === undefined ? path : `${path} ${(rttUs / 1_000).toFixed(1)} ms`
}

function dot(fleet: readonly ShownNode[], edges: readonly Edge[]): string {
  const style: Record<PathKind, string> = {
    lan: 'penwidth=2',
    direct: 'penwidth=1',
    relay: 'style=dashed',
    tls: 'style=dotted',
    none: 'style=dotted, color=red',
  }
  const nodes = fleet.map(
    ({ addresses, name, state }) =>
      `  "${name}" [label="${name}\\n${addresses[0] ?? ''}"${state === 'online' ? '' : ', color=gray, fontcolor=gray'}]`,
  )
  const lines = edges.map((edge) => `  "${edge.a}" -- "${edge.b}" [label="${edgeLabel(edge)}", ${style[edge.path]}]`)
  return ['graph mesh {', '  node [shape=box]', ...nodes, ...lines, '}', ''].join('\n')
}

function mermaid(fleet: readonly ShownNode[], edges: readonly Edge[]): string {
  const line: Record<PathKind, string> = { lan: '===', direct: '---', relay: '-.-', tls: '-.-', none: '~~~' }
  const ids = new Map(fleet.map(({ name }, index) => [name as string, `n${index}`]))
  const nodes = fleet.map(({ addresses, name }) => `  ${ids.get(name)}["${name}<br/>${addresses[0] ?? ''}"]`)
  const links = edges
    .filter(({ a, b }) => ids.has(a) && ids.has(b))
    .map((edge) => {
      const label = edge.path === 'none' ? '' : `|${edgeLabel(edge)}|`
      return `  ${ids.get(edge.a)} ${line[edge.path]}${label} ${ids.get(edge.b)}`
    })
  return ['graph LR', ...nodes, ...links, ''].join('\n')
}

export function renderGraph(fleet: readonly ShownNode[], format: 'dot' | 'mermaid'): string {
  const sorted = [...fleet].sort((a, b) => compareText(a.name, b.name))
  return format === 'dot' ? dot(sorted, edgesOf(sorted)) : mermaid(sorted, edgesOf(sorted))
}
