/** Stylesheet and images: read once and served from memory. The name of each contains a hash of its content. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { type PreparedDocument, prepareDocument } from './prepared-document.ts'

export interface Assets {
  /** @returns the path of the file `name` below the issuer */
  path(name: string): string
  /** Keyed by that path. */
  byPath: ReadonlyMap<string, PreparedDocument>
}

const typeOf: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
}

export function loadAssets(folder: string): Assets {
  const paths = new Map<string, string>()
  const byPath = new Map<string, PreparedDocument>()
  for (const name of readdirSync(folder)) {
    const extension = extname(name)
    const contentType = typeOf[extension]
    if (contentType === undefined) continue
    const content = readFileSync(join(folder, name))
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 12)
    const path = `/assets/${name.slice(0, -extension.length)}-${hash}${extension}`
    paths.set(name, path)
    byPath.set(path, prepareDocument(content, { contentType, maxAge: 'public, max-age=31536000, immutable' }))
  }
  return {
    byPath,
    path(name) {
      const path = paths.get(name)
      if (path === undefined) throw new Error(`${folder} has no ${name}`)
      return path
    },
  }
}
