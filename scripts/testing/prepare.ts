// What tests fetch or build once on a machine, ahead of the first that asks for it, while others wait for clocks:
//
//   node scripts/testing/prepare.ts WHAT…
//
// What can't be had is told by the tests that need it: they ask for it again, by the same functions.

import { prepareIngredients } from '../../build/single/ingredients.ts'
import { releaseTargets } from '../../build/single/targets.ts'
import { describeError } from '../../shared/errors.ts'
import { apiServerPrograms } from '../kubernetes/api-server-program.ts'
import { helmProgram } from '../kubernetes/helm-program.ts'
import { debianArchive } from '../laboratory/debian-root.ts'
import { architecture } from '../machine/architecture.ts'
import { foreignLibraries } from '../machine/foreign.ts'
import { prepareSystem } from '../machine/system.ts'

/** A release, a machine with another kernel, another processor, a fresh Debian, an API server, and Helm. */
const preparations: Readonly<Record<string, () => Promise<unknown>>> = {
  release: () => prepareIngredients(releaseTargets),
  machine: () => prepareSystem(architecture(), () => undefined),
  foreign: foreignLibraries,
  debian: debianArchive,
  kube: apiServerPrograms,
  helm: helmProgram,
}

for (const name of process.argv.slice(2)) {
  try {
    await preparations[name]?.()
  } catch (error) {
    process.stdout.write(`prepare ${name}: ${describeError(error)}\n`)
  }
}
