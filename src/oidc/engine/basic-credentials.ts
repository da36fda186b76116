/**
 * HTTP Basic credentials as programs send them. RFC 6749 §2.3.1 requires percent-encoded ids and secrets, but many
 * programs send plain ones. Some programs send a public client's id with an empty secret. The engine accepts only
 * encoded credentials of confidential clients.
 */
import type { Context } from 'koa'
import type { ClientDirectory } from '../client-directory.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'
import { changeForm } from './form-body.ts'

/** Endpoints at which clients authenticate. */
const endpoints = new Set(['/token', '/token/revocation', '/token/introspection', '/request', '/device/auth'])

export async function readBasicCredentials(ctx: Context, directory: Pick<ClientDirectory, 'find'>): Promise<void> {
  if (ctx.method !== 'POST' || !endpoints.has(ctx.path)) return
  const [, encoded] = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(ctx.get('Authorization')) ?? []
  const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return
  const [id, secret] = [text.slice(0, colon), text.slice(colon + 1)]
  if (secret === '') return nameClient(ctx, decoded(id) ?? id, directory)
  // `engine-clients.ts` compares the decoded secret and this one. At most one of them is the client's secret.
  ctx.state.rawBasicSecret = secret
  if (decoded(id) === undefined || decoded(secret) === undefined) {
    const whole = [id, secret].map(encodeURIComponent).join(':')
    ctx.req.headers.authorization = `Basic ${Buffer.from(whole).toString('base64')}`
  }
}

/** A public client has no secret, so its id moves to the form, where the engine looks for it. */
async function nameClient(ctx: Context, id: string, directory: Pick<ClientDirectory, 'find'>): Promise<void> {
  const client = await UnitOfWork.asking(() => directory.find(id))
  if (client?.tokenEndpointAuthMethod !== 'none') return
  let isOther = false
  await changeForm(ctx, (fields) => {
    const named = fields.filter(([name]) => name === 'client_id')
    isOther = named.some(([, value]) => value !== id)
    return named.length > 0 ? fields : [...fields, ['client_id', id]]
  })
  // If the form names another client, the header stays, and the engine refuses the request.
  if (!isOther) delete ctx.req.headers.authorization
}

/** Decodes `application/x-www-form-urlencoded` text; undefined when the text is not encoded so. */
function decoded(text: string): string | undefined {
  try {
    const plain = decodeURIComponent(text.replaceAll('+', '%20'))
    return /^[\x20-\x7e]*$/.test(plain) ? plain : undefined
  } catch {
    return undefined // the percent sign encodes nothing, so the text is plain
  }
}
