/** The documents that verifiers and clients fetch. Each is prepared again only when its content changes. */
import { type PreparedDocument, prepareDocument } from './prepared-document.ts'

export interface Documents {
  jwks(): PreparedDocument
  discovery(): PreparedDocument
  /** Absent: this server transmits no security events. */
  signals?: () => PreparedDocument
}

export interface DocumentsNeeds {
  keys(): PublishedKeys
  discovery(): object
  signals?: object
}

interface PublishedKeys {
  readonly publicJwks: { keys: readonly object[] }
  readonly maxAgeSeconds: number
  readonly staleSeconds?: number
}

/** Clients may cache the discovery document for this time. */
const discoverySeconds = 300

export function createDocuments(needs: DocumentsNeeds): Documents {
  const signals = needs.signals && prepareDocument(needs.signals, { maxAge: discoverySeconds })
  return {
    jwks: preparedFor(needs.keys, (keys) =>
      prepareDocument(keys.publicJwks, {
        contentType: 'application/jwk-set+json; charset=utf-8',
        // Computed for each answer, because no cache may keep the keys past their next promotion.
        maxAge: () => cacheControlOf(keys),
      }),
    ),
    discovery: preparedFor(needs.discovery, (discovery) => prepareDocument(discovery, { maxAge: discoverySeconds })),
    ...(signals ? { signals: () => signals } : {}),
  }
}

const cacheControlOf = ({ maxAgeSeconds, staleSeconds = 0 }: PublishedKeys): string =>
  `public, max-age=${maxAgeSeconds}${staleSeconds > 0 ? `, stale-while-revalidate=${staleSeconds}` : ''}`

function preparedFor<Source extends object>(read: () => Source, prepare: (source: Source) => PreparedDocument) {
  let source: Source | undefined
  let document: PreparedDocument | undefined
  return () => {
    const now = read()
    if (!document || now !== source) {
      source = now
      document = prepare(now)
    }
    return document
  }
}
