/** The version in the manifest, two levels above `src/config/` and, when published, above `dist/config/`. */
import { readFileSync } from 'node:fs'

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

export const release: string = manifest.version
