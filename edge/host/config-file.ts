// The optional config file of a device. YAML and its parser are loaded only where there is such a file.

import { HoldfastError } from '../../shared/errors.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { settingsSchema } from './settings.ts'

/** Settings of the file at `path`, checked; throws `invalid` with field and line. Undefined without a path. */
export async function readConfigFile(path: string | undefined): Promise<unknown> {
  if (path === undefined) return undefined
  const text = readIfThere(path)
  if (text === undefined) {
    throw new HoldfastError('not-found', `there is no config file ${path}`, {
      remedy: 'Correct --config, or leave it out.',
    })
  }
  const { parseConfig } = await import('../../shared/intent/yaml.ts')
  return parseConfig(settingsSchema, text)
}
