// Renders the raw manifests in build/kubernetes/manifests from the charts:
//
//   node scripts/kubernetes/render.ts

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { chartFiles, definitionsText, UNBUILT } from '../../build/kubernetes/charts.ts'
import { type Rendering, renderings } from '../../build/kubernetes/manifests.ts'
import { run } from '../laboratory/command.ts'
import { helmProgram } from './helm-program.ts'

export const manifests = resolve(import.meta.dirname, '../../build/kubernetes/manifests')

/** Nobody's who applies files. */
const OF_HELM = /^ +app\.kubernetes\.io\/managed-by: Helm\n|^# Source: .*\n/gm

/** What `helm template` makes of the chart that lies in `chart`. */
export async function rendered(helm: string, { name, chart, namespace, values }: Rendering, path: string) {
  const release = name === 'kubeedge' ? 'holdfast-edge' : chart
  const words = ['template', release, path, '--namespace', namespace, '--kube-version', '1.31.0', '-f', '-']
  const text = await run([helm, ...words], { input: JSON.stringify(values) })
  return `# ${release}, rendered from the chart ${chart} by scripts/kubernetes/render.ts.\n${text.replaceAll(OF_HELM, '')}`
}

/** Lays the chart as a directory, with what the build puts into it. */
export function layChart(chart: Rendering['chart'], into: string): string {
  const path = join(into, chart)
  for (const [name, source] of chartFiles(chart, { version: UNBUILT, definitions: definitionsText() })) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), source)
  }
  return path
}

if (import.meta.main) {
  const directory = mkdtempSync(join(tmpdir(), 'hf-charts-'))
  try {
    const helm = await helmProgram()
    mkdirSync(manifests, { recursive: true })
    for (const one of renderings)
      writeFileSync(join(manifests, `${one.name}.yaml`), await rendered(helm, one, layChart(one.chart, directory)))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
