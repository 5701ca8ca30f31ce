// In a single file the SQLite addon is an asset: what would load it from beside the program asks for that instead.

import { join } from 'node:path'
import type { Plugin } from 'esbuild'

const loader = join(import.meta.dirname, 'sqlite-addon.ts')

export const carriedAddon: Plugin = {
  name: 'carried-addon',
  setup(build) {
    build.onLoad({ filter: /\.node$/ }, () => ({
      contents: `module.exports = require(${JSON.stringify(loader)}).loadCarriedAddon()`,
      loader: 'js',
      resolveDir: import.meta.dirname,
    }))
  },
}
