/** How commands show what the revocation of a key touches. */
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
    printer.line(`${kid} has signed nothing yet: nobody holds anything of it.`)
    return
  }
  printer.line(
    `${kid} signed ${alg} tokens for ${counted(clients.length, 'app')} and ${counted(apis.length, 'API')}, in ${counted(sessions, 'browser session')}.`,
  )
  if (clients.length > 0) {
    printer.table(
      ['APP', 'ID TOKENS', 'ACCESS TOKENS ALIVE', 'GRANTS', 'REFRESH TOKENS'],
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
    `Tokens of services are kept nowhere, so theirs (?) cannot be counted, nor can ID tokens. The last would have expired ${dated(signedUntil, printer.now())}.`,
  )
  printer.line('Sessions and refresh tokens do not depend on it: people stay signed in, and apps get new tokens.')
}
