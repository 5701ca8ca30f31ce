// The definitions that k3s has for charts in files, as the authors of its controller publish them in a Go module.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pinnedGo } from '../../build/single/go.ts'
import { tool } from '../../build/single/tool.ts'
import { HoldfastError } from '../../shared/errors.ts'

const MODULE = 'github.com/k3s-io/helm-controller@v0.17.9'
const SUM = 'h1:HhZTiFhVDzhbAYeb/aSlExWhJTnDTpHypMqu5Mh8Uow='

/** HelmChart and HelmChartConfig, YAML. @testonly */
export async function k3sDefinitions(): Promise<readonly string[]> {
  const { env, program } = await pinnedGo()
  const { Dir, Sum } = JSON.parse(await tool(program, ['mod', 'download', '-json', MODULE], { cwd: '/', env })) as {
    readonly Dir: string
    readonly Sum: string
  }
  if (Sum !== SUM) throw new HoldfastError('untrusted', `${MODULE} is not what it was when it was chosen (${Sum})`)
  const files = ['helmcharts', 'helmchartconfigs'].map((name) => `helm.cattle.io_${name}.yaml`)
  return files.map((name) => readFileSync(join(Dir, 'pkg/crds/yaml/generated', name), 'utf8'))
}
