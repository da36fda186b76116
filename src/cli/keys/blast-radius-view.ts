/** How commands show what the revocation of a key affects. */
import type { BlastRadius } from '../../keyring/cycle/blast-radius.ts'
import { counted, dated } from '../moment.ts'
import type { Printer } from '../printer.ts'

export const radiusJson = (radius: BlastRadius) => ({
  kid: radius.kid,
  alg: radius.alg,
  signed_until: radius.signedUntil ?? null,
  apis: radius.apis,
  sessions: radius.sessions,
  clients: radius.clients.map(({ clientId, idTokens, apis, grants, refreshTokens, livingTokens }) => ({
    client_id: clientId,
    id_tokens: idTokens,
    apis,
    grants,
    refresh_tokens: refreshTokens,
    living_tokens: livingTokens ?? null,
  })),
})

export function printRadius(printer: Printer, { kid, alg, signedUntil, clients, apis, sessions }: BlastRadius): void {
  printer.line()
  if (!signedUntil) {
    printer.line(`${kid} has signed no token.`)
    return
  }
  printer.line(
    `${kid} signed ${alg} tokens for ${counted(clients.length, 'app')} and ${counted(apis.length, 'API')}, in ${counted(sessions, 'browser session')}.`,
  )
  if (clients.length > 0) {
    printer.table(
      ['APP', 'ID TOKENS', 'ACTIVE ACCESS TOKENS', 'GRANTS', 'REFRESH TOKENS'],
      clients.map(({ clientId, idTokens, apis: audiences, grants, refreshTokens, livingTokens }) => [
        clientId,
        idTokens ? 'yes' : 'no',
        audiences
          .map((audience) => `${livingTokens ? (livingTokens[audience] ?? 0) : '?'} for ${audience}`)
          .join(', ') || '–',
        String(grants),
        String(refreshTokens),
      ]),
    )
  }
  printer.line(
    `Tokens of services (?) and ID tokens are not stored, so they are not counted. The last token would have expired ${dated(signedUntil, printer.now())}.`,
  )
  printer.line('Sessions and refresh tokens do not depend on the key: people stay signed in, and apps get new tokens.')
}
