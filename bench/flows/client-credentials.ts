/** A service fetches a JWT for its API. */
import { expectStatus, type Flow } from './flow.ts'

export const clientCredentials: Flow = async ({ http, target }) => {
  const { clientId, clientSecret, scope } = target.service
  const credentials = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString(
    'base64',
  )
  const headers = `Authorization: Basic ${credentials}\r\n`
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope }).toString()
  const step = async () =>
    expectStatus(await http.postForm(target.endpoints.token, body, headers), 'client credentials', 200)
  const { access_token: token } = JSON.parse((await step()).text()) as { access_token: string }
  const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString() || '{}') as { alg?: string }
  if (header.alg !== 'ES256') throw new Error(`expected an ES256 JWT, got ${JSON.stringify(header)}`)
  return async () => void (await step())
}
