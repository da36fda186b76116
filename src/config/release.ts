/** Which Claviger this is, by its manifest: two levels up from `src/config/` and, when published, from `dist/config/`. */
import { readFileSync } from 'node:fs'

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

export const release: string = manifest.version
