// `holdfast unpack`: the units, the starter and the licences that a single file carries.

import { carriedTexts } from '../../shared/host/carried.ts'
import { unpackTexts } from '../../shared/host/unpack.ts'
import { type Command, writeJson } from './context.ts'

export const unpackCommand: Command = async (cli) => {
  const files = unpackTexts(carriedTexts(), cli.args[0] ?? '.')
  if (cli.json) writeJson(cli, { files })
  else cli.write(files.map((path) => `${path}\n`).join(''))
  return 0
}
