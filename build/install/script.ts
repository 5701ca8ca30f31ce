// install.sh of a release: one file with all that an installation needs besides the program.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { unitTexts } from '../package.ts'
import { starter } from '../starter.ts'
import { agentEnvironment } from './texts.ts'

const here = import.meta.dirname

function read(name: string): string {
  return readFileSync(join(here, name), 'utf8')
}

function unitCases(): string {
  const texts = unitTexts().map(([name, text]) => {
    return `    ${name.replace('.service', '')})\n      cat <<'UNIT'\n${text}UNIT\n      ;;`
  })
  return texts.join('\n')
}

/** Puts `text` in the place of the line `#@NAME@`. */
function fill(script: string, name: string, text: string): string {
  const mark = `#@${name}@\n`
  if (script.split(mark).length !== 2) throw new HoldfastError('invalid', `install.sh has no one place for ${name}`)
  return script.replace(mark, () => (text.endsWith('\n') ? text : `${text}\n`))
}

/** `keys`: public keys in PEM that the release is signed with. */
export function installScript(keys: string): string {
  const parts: Readonly<Record<string, string>> = {
    LAY: read('lay.sh'),
    KEY: keys,
    STARTER: starter,
    UNITS: unitCases(),
    ENVIRONMENT: agentEnvironment,
  }
  return Object.entries(parts).reduce((script, [name, text]) => fill(script, name, text), read('install.sh'))
}
