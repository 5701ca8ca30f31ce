// The version of this build: put in by the bundler, `dev` when run from source.

declare const HOLDFAST_VERSION: string | undefined

export const version: string = typeof HOLDFAST_VERSION === 'string' ? HOLDFAST_VERSION : 'dev'
