/**
 * HTTP Basic as programs send it. RFC 6749 §2.3.1 has id and secret percent-encoded; many send them as they are, and some
 * send a public client's id with an empty secret. The engine takes the encoded form of a confidential client alone.
 */
import type { Context } from 'koa'
import type { ClientDirectory } from './client-directory.ts'
import { changeForm } from './form-body.ts'
import { UnitOfWork } from './unit-of-work.ts'

/** Where clients authenticate. */
const endpoints = new Set(['/token', '/token/revocation', '/token/introspection', '/request', '/device/auth'])

export async function readBasicCredentials(ctx: Context, directory: Pick<ClientDirectory, 'find'>): Promise<void> {
  if (ctx.method !== 'POST' || !endpoints.has(ctx.path)) return
  const [, encoded] = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(ctx.get('Authorization')) ?? []
  const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return
  const [id, secret] = [text.slice(0, colon), text.slice(colon + 1)]
  if (secret === '') return nameClient(ctx, decoded(id) ?? id, directory)
  // Compared besides the decoded one: only one of the two can be the client's secret.
  ctx.state.rawBasicSecret = secret
  if (decoded(id) === undefined || decoded(secret) === undefined) {
    const whole = [id, secret].map(encodeURIComponent).join(':')
    ctx.req.headers.authorization = `Basic ${Buffer.from(whole).toString('base64')}`
  }
}

/** A public client has no secret to send: its id moves to where the engine looks for it. */
async function nameClient(ctx: Context, id: string, directory: Pick<ClientDirectory, 'find'>): Promise<void> {
  const client = await UnitOfWork.asking(() => directory.find(id))
  if (client?.tokenEndpointAuthMethod !== 'none') return
  let isOther = false
  await changeForm(ctx, (fields) => {
    const named = fields.filter(([name]) => name === 'client_id')
    isOther = named.some(([, value]) => value !== id)
    return named.length > 0 ? fields : [...fields, ['client_id', id]]
  })
  // With two different ids the engine refuses the request, as it should.
  if (!isOther) delete ctx.req.headers.authorization
}

/** As `application/x-www-form-urlencoded` has it; undefined where it is not encoded so. */
function decoded(text: string): string | undefined {
  try {
    const plain = decodeURIComponent(text.replaceAll('+', '%20'))
    return /^[\x20-\x7e]*$/.test(plain) ? plain : undefined
  } catch {
    return undefined // a percent sign that encodes nothing: the text is meant as it is
  }
}
