/** Reads the revocation feed as docs/revocation-feed.md says, with what every language has: HTTP, JSON, a JOSE library. */
import { hash } from 'node:crypto'
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'

export interface Discovery {
  issuer: string
  revocation_feed_endpoint: string
  revocation_feed_jwks: JSONWebKeySet
  token_endpoint: string
  revocation_endpoint: string
  introspection_endpoint: string
  [member: string]: unknown
}

export type Entry = [kind: number, key: string, notBefore: number | null, exp: number]

export interface Frame {
  epoch: string
  from: number
  to: number
  iat: number
  entries: Entry[]
  jwks?: string
}

export const discover = async (issuer: string): Promise<Discovery> =>
  (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Discovery

async function openEvent(jws: string, { issuer, revocation_feed_jwks, revocation_feed_endpoint }: Discovery) {
  const { payload, protectedHeader } = await compactVerify(jws, createLocalJWKSet(revocation_feed_jwks), {
    algorithms: ['RS256'],
  })
  const claims = JSON.parse(Buffer.from(payload).toString('utf8')) as {
    iss: string
    aud: string
    iat: number
    events: Record<string, unknown>
  }
  if (protectedHeader.typ !== 'secevent+jwt' || claims.iss !== issuer || claims.aud !== revocation_feed_endpoint) {
    throw new Error('not of this feed')
  }
  return claims
}

export async function openFrame(jws: string, discovery: Discovery): Promise<Frame> {
  const { iat, events } = await openEvent(jws, discovery)
  return { ...(events['urn:claviger:event:revocations'] as Omit<Frame, 'iat'>), iat }
}

export interface Snapshot {
  epoch: string
  salt: string
  seq: number
  entries: Entry[]
}

export async function openSnapshot(body: string, discovery: Discovery): Promise<Snapshot> {
  const [first = '', second = ''] = body.split('\n')
  const { manifest } = JSON.parse(first) as { manifest: string }
  const { events } = await openEvent(manifest, discovery)
  const vouched = events['urn:claviger:event:revocation-snapshot'] as Record<string, unknown>
  const snapshot = JSON.parse(second) as Snapshot
  const found = {
    epoch: snapshot.epoch,
    seq: snapshot.seq,
    count: snapshot.entries.length,
    sha256: hash('sha256', second, 'base64url'),
  }
  if (JSON.stringify(found) !== JSON.stringify(vouched)) throw new Error('the manifest vouches for something else')
  return snapshot
}

export const keyOf = (salt: string, kind: number, value: string): string => {
  const bytes = Buffer.concat([Buffer.from(salt, 'base64url'), Buffer.of(kind), Buffer.from(value, 'utf8')])
  return hash('sha256', bytes, 'buffer').subarray(0, 16).toString('base64url')
}

export interface StreamMessage {
  id: string
  data: string
}

/** Messages of the stream until `stop`. Ends by itself when the server ends it. */
export async function* readStream(response: Response): AsyncGenerator<StreamMessage> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? ''
      yield { id: field('id'), data: field('data') }
    }
  }
}
